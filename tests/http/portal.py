"""A portal's key server and tokens, made with real keys."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

IMPORT_TOKEN = "a-machine-token-of-some-length"
KEY_ID = "key-1"
USER_TOKEN_TYPE = "vnd.backstage.user"


class PortalStandIn:
    """Serves one public key as JWKS and signs tokens with the private one."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.other_key = ec.generate_private_key(ec.SECP256R1())
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        jwks = json.dumps({"keys": [{**public, "kid": KEY_ID, "alg": "ES256", "use": "sig"}]}).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                is_known = self.path == "/api/auth/.well-known/jwks.json"
                self.send_response(200 if is_known else 404)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(jwks if is_known else b"{}")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def claims(self, person: str = "user:default/ana") -> dict[str, object]:
        now = int(time.time())
        return {"iss": f"{self.url}/api/auth", "sub": person, "aud": "backstage", "iat": now, "exp": now + 3600}

    def token(
        self,
        person: str = "user:default/ana",
        *,
        claims: dict[str, object] | None = None,
        without: str | None = None,
        key: ec.EllipticCurvePrivateKey | None = None,
        headers: dict[str, object] | None = None,
    ) -> str:
        """A user token as Backstage signs it, but for what is asked to be different."""
        body = {name: value for name, value in (self.claims(person) | (claims or {})).items() if name != without}
        head = {"typ": USER_TOKEN_TYPE, "kid": KEY_ID, **(headers or {})}
        return jwt.encode(body, key or self.key, algorithm="ES256", headers=head)

    @property
    def public_pem(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
