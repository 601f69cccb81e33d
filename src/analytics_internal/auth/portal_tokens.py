"""The tokens with which the service itself asks the portal's plugins."""

from __future__ import annotations

from pathlib import Path

import msgspec

from analytics_internal.errors import AnalyticsError


class NoPortalToken(AnalyticsError):
    """There is no token for a plugin of the portal; the message says why and how to get one."""


class PortalTokens:
    """A token for each plugin, from a file that the bridge renews, or one token for all."""

    def __init__(self, file: Path | None = None, token: str | None = None) -> None:
        """``file`` has a JSON object of tokens by plugin; ``token`` is the portal's ``backend.auth.externalAccess``."""
        self._file = file
        self._token = token

    def token_for(self, plugin_id: str) -> str:
        """The token for requests to a plugin. Ask for each request: the bridge renews it. Raises NoPortalToken."""
        if self._file is None:
            if self._token is None:
                raise NoPortalToken(
                    f"there is no token for the portal's {plugin_id}: set portal_token to a token of the portal's "
                    "backend.auth.externalAccess (in mode managed the bridge gives one)"
                )
            return self._token
        try:
            tokens = msgspec.json.decode(self._file.read_bytes(), type=dict[str, str])
        except OSError as error:
            raise NoPortalToken(f"the bridge's tokens cannot be read: {error.strerror} ({self._file})") from None
        except (msgspec.DecodeError, UnicodeError):  # the error would repeat what is in the file
            raise NoPortalToken(f"{self._file} is no JSON object of tokens by plugin") from None
        if plugin_id not in tokens:
            raise NoPortalToken(f"the bridge has no token for the portal's {plugin_id}; the backend's log says why")
        return tokens[plugin_id]
