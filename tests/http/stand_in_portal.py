"""A portal's backend as far as the service asks it: real keys, real tokens, real HTTP, and Backstage's own refusals."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.catalog.by_query import CatalogApi
from tests.http.policy import authorize
from tests.http.refusal import Refusal
from tests.scaffolder.stand_in_scaffolder import NoSuchTask, ScaffolderStandIn, WrongQuestion

IMPORT_TOKEN = "a-machine-token-of-some-length"
STATIC_TOKEN = "a-token-from-externalAccess"
KEY_ID = "key-1"
USER, LIMITED_USER, PLUGIN = "vnd.backstage.user", "vnd.backstage.limited-user", "vnd.backstage.plugin"
USER_KEYS = "/api/auth/.well-known/jwks.json"
USER_INFO = "/api/auth/v1/userinfo"
AUTHORIZE = "/api/permission/authorize"
BY_QUERY = "/api/catalog/entities/by-query"

PrivateKey = ec.EllipticCurvePrivateKey
Json = dict[str, Any]


def new_key() -> PrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public_jwk(key: PrivateKey, key_id: str, algorithm: str = "ES256") -> Json:
    public: Json = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    return {**public, "kid": key_id, "alg": algorithm, "use": "sig"}


def encoded(part: object) -> str:
    """A header or a payload as it stands in a token."""
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


class PortalStandIn:
    """A portal with users, groups, plugins and a permission policy, on a port of its own."""

    def __init__(self) -> None:
        self.key = new_key()
        self.other_key = new_key()
        self.keys: dict[str, PrivateKey] = {KEY_ID: self.key}
        """The keys that users' tokens are signed with, by id."""
        self.further_keys: list[Json] = []
        """What else stands in the users' key set."""
        self.plugins: dict[str, dict[str, PrivateKey]] = {"catalog": {}, "search": {}}
        """The installed plugins; a plugin has no keys until it has issued a token."""
        self.owns_as: dict[str, list[str]] = {}
        """What the portal says a person owns things as; it knows no others."""
        self.policy: dict[str, str] = {}
        """What the policy decides for a person on a permission: ``"<person> <permission>"`` to a result."""
        self.failing: dict[str, int] = {}
        """Addresses that answer with this status and no sense, to simulate a portal in trouble."""
        self.catalog = CatalogApi()
        self.asked: Counter[str] = Counter()
        self.delay_s = 0.0
        self.scaffolder = ScaffolderStandIn()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def public_pem(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def claims(self, person: str = "user:default/ana") -> Json:
        now = int(time.time())
        return {"iss": f"{self.url}/api/auth", "sub": person, "aud": "backstage", "iat": now, "exp": now + 3600}

    def token(
        self,
        person: str = "user:default/ana",
        *,
        claims: Mapping[str, object] | None = None,
        without: str | None = None,
        key: PrivateKey | None = None,
        headers: Mapping[str, object] | None = None,
    ) -> str:
        """A user token as Backstage signs it, but for what is asked to be different."""
        return _signed({**self.claims(person), **(claims or {})}, without, key or self.key, USER, KEY_ID, headers)

    def limited_token(
        self,
        person: str = "user:default/ana",
        *,
        claims: Mapping[str, object] | None = None,
        without: str | None = None,
        key: PrivateKey | None = None,
        headers: Mapping[str, object] | None = None,
    ) -> str:
        """What a user token's ``uip`` makes a limited user token of, but for what is asked to be different."""
        full = self.claims(person)
        kept = {name: full[name] for name in ("sub", "iat", "exp")}
        return _signed({**kept, **(claims or {})}, without, key or self.key, LIMITED_USER, KEY_ID, headers)

    def plugin_token(
        self,
        plugin: str = "catalog",
        *,
        on_behalf_of: str | None = None,
        claims: Mapping[str, object] | None = None,
        without: str | None = None,
        key: PrivateKey | None = None,
        headers: Mapping[str, object] | None = None,
    ) -> str:
        """A token of a plugin for ours, but for what is asked to be different. From now on the plugin has a key."""
        keys = self.plugins[plugin]
        if not keys:
            keys[f"{plugin}-key"] = new_key()
        key_id, own_key = next(iter(keys.items()))
        now = int(time.time())
        body: Json = {"sub": plugin, "aud": "analytics-internal", "iat": now, "exp": now + 3600}
        if on_behalf_of is not None:
            body["obo"] = self.limited_token(on_behalf_of)
        return _signed({**body, **(claims or {})}, without, key or own_key, PLUGIN, key_id, headers)

    def get(self, path: str, authorization: str | None) -> Json:
        if path.startswith(BY_QUERY):
            return self.catalog.answer(path.partition("?")[2], authorization)
        if path == USER_KEYS:
            return {"keys": [*(public_jwk(key, id_) for id_, key in self.keys.items()), *self.further_keys]}
        if path == USER_INFO:
            person = self._user_of(authorization, allow_limited=True)
            if person not in self.owns_as:
                raise Refusal(404, "NotFoundError", "User info not found")
            return {"claims": {"sub": person, "ent": self.owns_as[person]}}
        if path.startswith("/api/scaffolder/v2/tasks"):
            return self._tasks(path, authorization)
        plugin = path.removeprefix("/api/").removesuffix("/.backstage/auth/v1/jwks.json")
        if path == f"/api/{plugin}/.backstage/auth/v1/jwks.json" and plugin in self.plugins:
            return {"keys": [public_jwk(key, id_) for id_, key in self.plugins[plugin].items()]}
        raise Refusal(404, "NotFoundError", "Not found")

    def post(self, path: str, authorization: str | None, body: bytes) -> Json:
        if path != AUTHORIZE:
            raise Refusal(404, "NotFoundError", "Not found")
        person = self._user_of(authorization, allow_limited=False)
        try:
            return authorize(self.policy, person, json.loads(body))
        except ValueError as error:
            raise Refusal(400, "InputError", str(error)) from error

    def _tasks(self, path: str, authorization: str | None) -> Json:
        if authorization != f"Bearer {STATIC_TOKEN}":
            raise Refusal(401, "AuthenticationError", "Illegal token")
        try:
            return self.scaffolder.answer(path)
        except NoSuchTask as error:
            raise Refusal(404, "NotFoundError", str(error)) from error
        except WrongQuestion as error:
            raise Refusal(400, "InputError", str(error)) from error

    def _user_of(self, authorization: str | None, *, allow_limited: bool) -> str:
        """The person of a request as Backstage's ``httpAuth`` finds it, or its refusal."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refusal(401, "AuthenticationError", "Missing credentials")
        if token == STATIC_TOKEN:
            raise Refusal(403, "NotAllowedError", "This endpoint does not allow 'service' credentials")
        try:
            head = jwt.get_unverified_header(token)
            if head["typ"] == LIMITED_USER and not allow_limited:
                raise Refusal(401, "AuthenticationError", "Illegal limited user token")
            if head["typ"] not in (USER, LIMITED_USER):
                raise Refusal(401, "AuthenticationError", "Illegal token")
            public = self.keys[head["kid"]].public_key()
            return str(jwt.decode(token, public, ["ES256"], options={"verify_aud": False})["sub"])
        except (jwt.PyJWTError, KeyError) as error:
            raise Refusal(401, "AuthenticationError", "Failed user token verification") from error


def _signed(
    claims: Json, without: str | None, key: PrivateKey, kind: str, key_id: str, headers: Mapping[str, object] | None
) -> str:
    body = {name: value for name, value in claims.items() if name != without}
    algorithm = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}[key.curve.name]
    return jwt.encode(body, key, algorithm=algorithm, headers={"typ": kind, "kid": key_id, **(headers or {})})


def _handler(portal: PortalStandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(lambda: portal.get(self.path, self.headers["authorization"]))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self._answer(lambda: portal.post(self.path, self.headers["authorization"], body))

        def _answer(self, work: Any) -> None:
            path = self.path.partition("?")[0]
            portal.asked[path] += 1
            time.sleep(portal.delay_s)
            status, answer = portal.failing.get(path, 200), b"<html>this is no JSON</html>"
            if status == 200:
                try:
                    answer = json.dumps(work()).encode()
                except Refusal as refusal:
                    status = refusal.status
                    answer = json.dumps({"error": {"name": refusal.name, "message": str(refusal)}}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    return Handler
