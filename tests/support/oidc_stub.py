"""A provider of identities on loopback that is as strict as a real one, and lies where a test asks it to."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

CLIENT, SECRET = "plumbline", "a-secret-of-the-client-that-is-long-enough"
Lie = Literal[
    "", "nonce", "audience", "expired", "issuer", "foreign key", "symmetric", "none", "unverified", "party", "no token"
]


@dataclass
class Stub:
    """One provider: who signs in there is `email`; `redirect` is the one address that it sends people back to."""

    redirect: str
    email: str = "anna@example.org"
    lie: Lie = ""
    lasts_s: int = 60
    issuer: str = ""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "one", "use": "sig"}))
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }

    def authorize(self, asked: dict[str, str]) -> str | None:
        """Return where the browser goes back to, once the person agrees; None where the request is wrong."""
        right = asked.get("client_id") == CLIENT and asked.get("redirect_uri") == self.redirect
        right = right and asked.get("response_type") == "code" and "openid" in asked.get("scope", "").split()
        if not right or asked.get("code_challenge_method") != "S256" or not asked.get("state"):
            self.refusals.append(f"authorize {asked}")
            return None
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return f"{self.redirect}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """Return the answer to a code, once, for the client that proves itself and that it began the sign-in."""
        asked = self.codes.pop(form.get("code", ""), None)
        proof = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
        basic = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        right = asked is not None and asked["code_challenge"] == challenge and form.get("redirect_uri") == self.redirect
        if asked is None or not right or authorization != basic or form.get("grant_type") != "authorization_code":
            self.refusals.append(f"token {form}")
            return None
        told = {"access_token": "x", "token_type": "Bearer"}
        return told if self.lie == "no token" else told | {"id_token": self.identity(asked["nonce"])}

    def identity(self, nonce: str) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": "https://evil.example" if self.lie == "issuer" else self.issuer,
            "aud": "somebody-else" if self.lie == "audience" else CLIENT,
            "sub": "1",
            "email": self.email,
            "email_verified": self.lie != "unverified",
            "nonce": "another" if self.lie == "nonce" else nonce,
            "iat": now,
            "exp": now - 3600 if self.lie == "expired" else now + self.lasts_s,
        }
        if self.lie == "party":
            claims |= {"aud": [CLIENT, "other"], "azp": "other"}
        if self.lie == "none":
            parts = ({"alg": "none"}, claims)
            return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in parts) + "."
        if self.lie == "symmetric":
            return jwt.encode({"alg": "HS256", "kid": "one"}, claims, OctKey.import_key(SECRET))
        key = RSAKey.generate_key(2048) if self.lie == "foreign key" else self.key
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)


def _handler(stub: Stub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            match urlsplit(self.path).path:
                case "/.well-known/openid-configuration":
                    self._json(stub.metadata())
                case "/keys":
                    self._json(dict(KeySet([stub.key]).as_dict(private=False)))
                case "/authorize":
                    back = stub.authorize(asked)
                    page = (
                        "refused"
                        if back is None
                        else f'<title>Provider</title><a id="go" href="{escape(back)}">Go on</a>'
                    )
                    self._send(200 if back else 400, "text/html", page.encode())
                case _:
                    self._send(404, "text/plain", b"")

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(raw).items()}
            told = stub.token(form, self.headers.get("authorization", ""))
            self._json(told or {"error": "invalid_grant"}, 200 if told else 400)

        def _json(self, value: dict[str, Any], status: int = 200) -> None:
            self._send(status, "application/json", json.dumps(value).encode())

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def provider(redirect: str) -> Iterator[Stub]:
    """Serve a stub that sends people back to `redirect`."""
    stub = Stub(redirect)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(stub))
    stub.issuer = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield stub
    finally:
        server.shutdown()
        server.server_close()
