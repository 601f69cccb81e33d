"""The HTTP client of every type whose receiver speaks HTTP: what its answers mean, and what it must not do to us."""

from __future__ import annotations

import asyncio
import base64
import gzip
import os
import re
import ssl
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self
from urllib.parse import unquote
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx
from pydantic import AfterValidator, Field, GetCoreSchemaHandler, TypeAdapter, ValidationError, model_validator
from pydantic_core import PydanticCustomError, core_schema

from analytics_internal.forward.answers import ANSWER_BYTES, decoded, failure_of, origin_of, plain_headers, without
from analytics_internal.forward.destination import Options, ReceiverUnavailable
from analytics_internal.forward.reachable import CheckedNetwork, RefusedAddress, is_refused_name
from analytics_internal.forward.secret import Secret, SecretMissing
from analytics_internal.masking import masked_text, masked_url

REDIRECTS = 3
SPARE_S = 30
"""What a send with one request may take beside the request, on a busy machine: ``Limits.send_s``."""
_AGENT = f"backstage-analytics-internal/{version('backstage-analytics-internal')}"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\x20-\x7e\x80-\xff\t]*")
_OWN_HEADERS = frozenset({"host", "content-length", "content-encoding", "transfer-encoding", "connection"})
_secret: TypeAdapter[Secret] = TypeAdapter(Secret)


class WebUrl:
    """The address of a receiver. One that is a secret as a whole may be in an environment variable or a file."""

    def __init__(self, place: str | Secret) -> None:
        """Raises ValueError: the text is no address that events can be sent to."""
        self._place = place
        if isinstance(place, str):
            _checked_url(place)

    @property
    def is_secret(self) -> bool:
        """Whether all of it is a secret."""
        return isinstance(self._place, Secret)

    def read(self) -> httpx.URL:
        """Raises SecretMissing: it is not where it should be, or is no address."""
        if isinstance(self._place, str):
            return _checked_url(self._place)
        try:
            return _checked_url(self._place.read())
        except ValueError as error:
            raise SecretMissing(f"{self._place!r}: {error}") from None

    def __repr__(self) -> str:
        return masked_url(self._place) if isinstance(self._place, str) else repr(self._place)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WebUrl) and self._place == other._place

    def __hash__(self) -> int:
        return hash(self._place)

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, __: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(_parsed_url)


def _checked_url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("must be an address that begins with http:// or https://")
    if url.fragment:
        raise ValueError("must be an address without a fragment (#…)")
    if is_refused_name(url.host):
        raise ValueError("must not be a link-local or metadata address")
    return url


def _parsed_url(value: object) -> WebUrl:
    if isinstance(value, WebUrl):
        return value
    try:
        return WebUrl(value if isinstance(value, str) else _secret.validate_python(value))
    except ValidationError:
        problem = 'must be an address, {"env": "NAME"} or {"file": "/path"}'
    except ValueError as error:
        problem = str(error)
    raise PydanticCustomError("not_allowed", "{problem}", {"problem": problem})


def _name_of_header(value: str) -> str:
    if _TOKEN.fullmatch(value) is None or value.lower() in _OWN_HEADERS:
        raise PydanticCustomError("not_allowed", "must be the name of a header, and not one that this service sets")
    return value


class WebOptions(Options):
    """What all types have in common whose receiver speaks HTTP."""

    url: WebUrl
    headers: dict[Annotated[str, AfterValidator(_name_of_header)], Secret] = Field(default_factory=dict)
    """Sent with every request, like Authorization."""
    ca_file: Path | None = None
    """Certificate authorities that the receiver's certificate may be from, in PEM; instead of the public ones."""
    certificate_file: Path | None = None
    """Our own certificate, in PEM, for receivers that ask for one."""
    key_file: Path | None = None
    """Its key, if that is in a file of its own. It must not have a password."""
    timeout_s: float = Field(default=30, gt=0, le=600)
    """Of a request as a whole, from looking up the name to the end of the answer."""

    @model_validator(mode="after")
    def _has_the_keys_certificate(self) -> Self:
        if self.key_file is not None and self.certificate_file is None:
            raise ValueError("key_file needs certificate_file")
        return self


class WebReceiver:
    """A receiver that speaks HTTP: one connection, kept, and one request at a time.

    It follows no redirect to another place, connects to no link-local address, keeps no cookies, and reads
    ANSWER_BYTES of an answer at most. Errors name the receiver's host, never its path, its query or a header.
    """

    def __init__(
        self,
        url: WebUrl | str,
        *,
        path: str = "",
        headers: Mapping[str, str | Secret] | None = None,
        ca_file: Path | None = None,
        certificate_file: Path | None = None,
        key_file: Path | None = None,
        timeout_s: float = 30,
    ) -> None:
        """``path`` is appended to the path of ``url``, if that does not end with it. ``headers``: of every request."""
        self._url = WebUrl(url) if isinstance(url, str) else url
        self._path = path.strip("/")
        self._headers = dict(headers or {})
        self._files = _TlsFiles(ca_file, certificate_file, key_file)
        self._timeout_s = timeout_s
        self._pool: httpcore.AsyncConnectionPool | None = None

    @classmethod
    def of(cls, options: WebOptions, path: str = "") -> WebReceiver:
        """The receiver that the options name."""
        return cls(
            options.url,
            path=path,
            headers=options.headers,
            ca_file=options.ca_file,
            certificate_file=options.certificate_file,
            key_file=options.key_file,
            timeout_s=options.timeout_s,
        )

    async def open(self) -> None:
        """Get ready: the first request connects. Raises SecretMissing; ReceiverUnavailable: a CA file without use."""
        await self.close()
        url = self.url()
        try:
            self._pool = await asyncio.to_thread(_pool, url, self._files)
        except (OSError, ValueError, ImportError) as error:
            # ssl.SSLError is an OSError; a SOCKS proxy needs a library that may not be there.
            raise ReceiverUnavailable(f"{origin_of(url)}: {self._files.names() or 'the proxy'}: {error}") from error

    async def close(self) -> None:
        """Close the connection. Harmless if there is none."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            await pool.aclose()

    def url(self) -> httpx.URL:
        """Where requests go. Raises SecretMissing."""
        url = self._url.read()
        place = url.path.rstrip("/")
        if self._path and not f"{place}/".endswith(f"/{self._path}/"):
            url = url.copy_with(path=f"{place}/{self._path}")
        return url

    async def post(
        self,
        body: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        url: httpx.URL | str | None = None,
        compressed: bool = False,
        secrets: Sequence[str] = (),
    ) -> httpx.Response:
        """Send a body and return the answer, which is 2xx. ``compressed``: the body is sent with gzip.

        ``url``: instead of the receiver's own; for tokens that stand in the query. ``secrets``: what of the body must
        not be shown if an error repeats it; headers named Authorization and queries never are.

        Raises:
            ReceiverUnavailable: no answer in time, none that is HTTP, or one that says so: 408, 425, 429, 5xx, a
                redirect, or an answer that an operator has to see to, like 401.
            BatchRefused: another 4xx. ReceiverGone: 410. SecretMissing
        """
        headers = {name.lower(): value for name, value in (headers or {}).items()}
        if compressed:
            body = await asyncio.to_thread(gzip.compress, body, 5, mtime=0)
            headers["content-encoding"] = "gzip"
        target = self.url() if url is None else httpx.URL(url)
        return await self._exchange("POST", target, body, headers, secrets)

    async def get(self, url: httpx.URL | str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Ask for something beside the receiver's own address. Raises what ``post`` raises."""
        return await self._exchange("GET", httpx.URL(url), b"", headers or {}, ())

    async def _exchange(
        self, method: str, target: httpx.URL, body: bytes, headers: Mapping[str, str], of_body: Sequence[str]
    ) -> httpx.Response:
        own, secrets = self._read_headers(target)
        secrets += [*of_body, headers.get("authorization", "").rpartition(" ")[2]]
        for name, value in headers.items():
            _require_header(name, value)
        sent = {**own, **headers}
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._follow(method, target, body, sent)
        except TimeoutError as error:
            raise ReceiverUnavailable(f"{origin_of(target)} did not answer within {self._timeout_s:g} s") from error
        except httpcore.TimeoutException as error:
            raise ReceiverUnavailable(f"{origin_of(target)} did not take a connection in time") from error
        except RefusedAddress as error:
            raise ReceiverUnavailable(str(error)) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError, ssl.SSLError, OSError) as error:
            raise ReceiverUnavailable(f"{origin_of(target)}: {without(secrets, _cause(error))}") from error
        if not answer.is_success:
            raise failure_of(target, answer, secrets)
        return answer

    def _read_headers(self, target: httpx.URL) -> tuple[dict[str, str], list[str]]:
        """The headers of every request, and what of them and of the address must not be shown."""
        sent = {"user-agent": _AGENT, "accept": "*/*", "accept-encoding": "identity"}
        secrets = [value for _, value in target.params.multi_items()]
        secrets += [part.partition("=")[2] for part in target.query.decode().split("&")]  # as they are spelled
        if self._url.is_secret:
            secrets += [target.path, target.raw_path.decode()]
        if target.userinfo:
            user, _, password = (unquote(part) for part in target.userinfo.decode().partition(":"))
            sent["authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
            secrets.append(password)
        for name, value in self._headers.items():
            text = value.read() if isinstance(value, Secret) else value
            _require_header(name, text)
            sent[name.lower()] = text
            if isinstance(value, Secret):
                secrets += [text, text.rpartition(" ")[2]]
        secrets.append(sent.get("authorization", "").rpartition(" ")[2])
        return sent, secrets

    async def _follow(self, method: str, target: httpx.URL, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        place = target
        for _ in range(REDIRECTS + 1):
            answer = await self._request(method, place, body, headers)
            if answer.status_code not in (301, 302, 303, 307, 308) or "location" not in answer.headers:
                return answer
            place = _redirected(place, answer)
        raise ReceiverUnavailable(
            f"{origin_of(target)} redirects more than {REDIRECTS} times", status=answer.status_code
        )

    async def _request(self, method: str, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        assert self._pool is not None, "post before open"
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        sent = [(b"host", url.netloc), (b"content-length", str(len(body)).encode())]
        sent += [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
        read = bytearray()
        async with self._pool.stream(method, target, headers=sent, content=body) as answer:
            async for chunk in answer.aiter_stream():
                read += chunk[: ANSWER_BYTES - len(read)]
                if len(read) >= ANSWER_BYTES:
                    break
            received = httpx.Headers(answer.headers)
            return httpx.Response(
                answer.status, headers=plain_headers(received), content=decoded(bytes(read), received)
            )


def _require_header(name: str, value: str) -> None:
    if not _HEADER_VALUE.fullmatch(value):
        raise SecretMissing(f"the header {name} has a character that no header may have")


class _TlsFiles(NamedTuple):
    """The files in PEM that a destination is configured with."""

    ca: Path | None
    certificate: Path | None
    key: Path | None

    def names(self) -> str:
        return ", ".join(str(file) for file in self if file is not None)

    def context(self) -> ssl.SSLContext:
        """Raises OSError, ssl.SSLError: a file cannot be read or used."""
        if self.ca is None:
            context = httpx.create_ssl_context(trust_env=True)
        else:
            context = ssl.create_default_context(cafile=self.ca)
        if self.certificate is not None:
            # With a password that is none: OpenSSL asks at the terminal otherwise.
            context.load_cert_chain(self.certificate, self.key, password="")
        context.set_alpn_protocols(["http/1.1"])
        return context


def _pool(url: httpx.URL, files: _TlsFiles) -> httpcore.AsyncConnectionPool:
    """Connections to a receiver, through the proxy of the environment if there is one for its host."""
    context = files.context() if url.scheme == "https" else None
    proxies = getproxies()
    proxy = proxies.get(url.scheme) or proxies.get("all")
    if not proxy or proxy_bypass(url.netloc.decode()):
        return httpcore.AsyncConnectionPool(
            ssl_context=context, max_connections=1, keepalive_expiry=30, network_backend=CheckedNetwork()
        )
    given = httpx.Proxy(proxy if "://" in proxy else f"http://{proxy}")
    # The proxy is the operator's, wherever it is, and looks names up itself.
    to = httpcore.Proxy(
        url=httpcore.URL(
            scheme=given.url.raw_scheme, host=given.url.raw_host, port=given.url.port, target=given.url.raw_path
        ),
        auth=given.raw_auth,
        ssl_context=given.ssl_context,
    )
    return httpcore.AsyncConnectionPool(ssl_context=context, max_connections=1, keepalive_expiry=30, proxy=to)


def _redirected(place: httpx.URL, answer: httpx.Response) -> httpx.URL:
    """Where a redirect leads, if it is the same host."""
    try:
        to = place.join(answer.headers["location"])
    except (httpx.InvalidURL, ValueError):
        raise ReceiverUnavailable(f"{origin_of(place)} redirects to no address", status=answer.status_code) from None
    if origin_of(to) != origin_of(place):
        raise ReceiverUnavailable(
            f"{origin_of(place)} redirects to {origin_of(to)}, which is not followed: make that the url if it is right",
            status=answer.status_code,
        )
    if answer.status_code not in (307, 308):
        raise ReceiverUnavailable(
            f"{origin_of(place)} redirects with {answer.status_code}, which loses the events: check the url",
            status=answer.status_code,
        )
    return to.copy_with(username=None, password=None, fragment=None)


def _cause(error: BaseException) -> str:
    """Why there was no answer, as the system or the TLS library says it."""
    first = error
    while (before := first.__cause__ or first.__context__) is not None:
        first = before
    if (
        isinstance(first, OSError)
        and not isinstance(first, ssl.SSLError)
        and first.errno is not None
        and first.errno > 0
    ):
        return os.strerror(first.errno)
    return masked_text(str(error)) or type(error).__name__
