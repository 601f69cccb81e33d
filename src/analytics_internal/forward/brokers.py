"""What the types whose receiver is a message broker have in common: its addresses, TLS, and names made of events."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult, urlsplit

import httpcore
from pydantic import model_validator

from analytics_internal.forward.destination import Options, ReceiverUnavailable
from analytics_internal.forward.outgoing import Outgoing
from analytics_internal.forward.reachable import RefusedAddress, allowed_addresses, is_refused_name
from analytics_internal.forward.secret import Secret
from analytics_internal.masking import MASK, masked_text

OPEN_LIMIT_S = 10.0
"""How long connecting may take in all."""
CLOSE_LIMIT_S = 2.0
"""How long a broker may take to say goodbye."""
ANSWER_LIMIT_S = 30.0
"""How long nothing may be confirmed while something is under way."""
PLACEHOLDERS = ("action", "plugin")
"""The fields of an event that may stand in a subject or a routing key, like ``{action}``."""
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_MAX_WORD_LENGTH = 100
_SHORTEST_SECRET = 4


class TlsOptions(Options):
    """Whom to trust, and what to show to a broker that asks for a certificate."""

    ca_file: Path | None = None
    """Certificate authorities that the broker's certificate may be from, in PEM; instead of the public ones."""
    certificate_file: Path | None = None
    """Our own certificate in PEM, with those in between."""
    key_file: Path | None = None
    """The key of our certificate in PEM, if it is not in ``certificate_file``."""
    key_password: Secret | None = None

    @model_validator(mode="after")
    def _has_the_keys_certificate(self) -> Self:
        if self.certificate_file is None and (self.key_file is not None or self.key_password is not None):
            raise ValueError("key_file and key_password need certificate_file")
        return self

    @property
    def has_tls_files(self) -> bool:
        return self.ca_file is not None or self.certificate_file is not None

    def tls_context(self) -> ssl.SSLContext:
        """Checks the broker's certificate and its name. Raises ReceiverUnavailable: a file cannot be used."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ValueError) as error:
            raise ReceiverUnavailable(f"ca_file: {self.ca_file}: {_why(error)}") from error
        if self.certificate_file is not None:
            # Without a password OpenSSL would ask for one in the terminal.
            password = self.key_password.read() if self.key_password is not None else ""
            try:
                context.load_cert_chain(self.certificate_file, self.key_file, password)
            except (OSError, ValueError) as error:
                raise ReceiverUnavailable(f"certificate_file: {self.certificate_file}: {_why(error)}") from error
        return context


def server_address(text: str, schemes: Sequence[str], port: int) -> SplitResult:
    """An address with its port, like ``nats://host:4222``; the first of the schemes is the default.

    Raises:
        ValueError: it is no address that events can be sent to; its text says why, and repeats no password.
    """
    try:
        url = urlsplit(text.strip() if "://" in text else f"{schemes[0]}://{text.strip()}")
        host, own_port = url.hostname, url.port
    except ValueError:
        raise ValueError("must be addresses like host:port") from None
    if not host or url.scheme not in schemes or re.search(r"\s", text.strip()):
        raise ValueError(f"must be addresses like host:port, or with {' or '.join(f'{one}://' for one in schemes)}")
    if is_refused_name(host):
        raise ValueError("must not be a link-local or metadata address")
    if own_port is None:
        url = url._replace(netloc=f"{url.netloc.rstrip(':')}:{port}")
    return url


async def check_reachable(host: str, port: int) -> None:
    """Raises ReceiverUnavailable: the name leads to an address that no destination may be at."""
    try:
        await allowed_addresses(host, port)
    except RefusedAddress as error:
        raise ReceiverUnavailable(str(error)) from error
    except httpcore.ConnectError:
        pass  # The client says better what it tried, and it may know further servers.


def checked_pattern(pattern: str, forbidden: str, word: str = r"[^.]+") -> str:
    """A subject or a routing key in which ``{action}`` and ``{plugin}`` may stand.

    Raises:
        ValueError: another placeholder, a character that matches ``forbidden``, or a part between dots that is no
            ``word``.
    """
    if unknown := {name for name in _PLACEHOLDER.findall(pattern) if name not in PLACEHOLDERS}:
        raise ValueError(
            f"has an unknown placeholder {{{min(unknown)}}}; allowed are {{{'} and {'.join(PLACEHOLDERS)}}}"
        )
    plain = _PLACEHOLDER.sub("x", pattern)
    if re.search(forbidden, plain) or not all(re.fullmatch(word, part) for part in plain.split(".")):
        raise ValueError("must be words with dots between them, like backstage.{action}")
    return pattern


def filled(pattern: str, event: Outgoing) -> str:
    """The pattern with the event's words in place of placeholders."""
    if "{" not in pattern:
        return pattern
    return _PLACEHOLDER.sub(lambda found: as_word(getattr(event, found[1])), pattern)


def as_word(text: str | None) -> str:
    """A text as one word of a subject or a routing key: what has a meaning there is ``_``, and so is nothing."""
    return re.sub(r"[\s.*>#\x00-\x1f\x7f]", "_", text or "")[:_MAX_WORD_LENGTH] or "_"


def matching(pattern: str) -> str:
    """What matches all that the pattern can become: ``*`` in place of words with placeholders."""
    return ".".join("*" if "{" in word else word for word in pattern.split("."))


def said(error: BaseException, secrets: Iterable[str] = ()) -> str:
    """What an error of a client says, in one line without passwords."""
    text = " ".join(str(error).split()) or type(error).__name__
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, MASK)
    return masked_text(text)


def _why(error: OSError | ValueError) -> str:
    return str(getattr(error, "strerror", None) or error)
