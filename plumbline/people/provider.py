"""The provider of identities, by OpenID Connect: where a sign-in is sent, and whom the answer names.

The agent asks the provider itself, through the guard of outgoing calls: tokens of the provider reach neither the dashboard
nor the browser, and end here once they have said who it is.
"""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from monitor.clock import Clock
from monitor.config.schema import OidcSettings
from monitor.errors import Undeliverable, Unreachable, UsageError
from monitor.outgoing import Guard
from monitor.state.sign_ins import Begun

PATIENCE_S: Final = 10.0
LARGEST: Final = 1_000_000
FRESH: Final = timedelta(minutes=10)
LEEWAY_S: Final = 60
ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures by a key of the provider; `none`, and a secret that both sides know, are not among them."""


@dataclass
class Provider:
    """One configured provider; what it says of itself is kept for ten minutes. May be asked from any thread."""

    settings: OidcSettings
    redirect: str
    guard: Guard
    clock: Clock
    _known: dict[str, tuple[datetime, dict[str, Any]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def issuer(self) -> str:
        """The address of the provider, as its tokens must name it."""
        return str(self.settings.issuer)

    def address(self, state: str, begun: Begun) -> str:
        """Return where the browser is sent. Raises `Unreachable`."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(begun.verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.redirect,
            "scope": "openid email profile",
            "state": state,
            "nonce": begun.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        at = self._endpoint("authorization_endpoint")
        return f"{at}{'&' if '?' in at else '?'}{urlencode(asked)}"

    def name(self, code: str, begun: Begun) -> str:
        """Return the name that the provider gives to who came back with `code`. Raises `UsageError`, `Unreachable`."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect,
            "client_id": self.settings.client_id,
            "code_verifier": begun.verifier,
        }
        at = self._endpoint("token_endpoint")
        methods = self._metadata().get("token_endpoint_auth_methods_supported") or []
        who = (self.settings.client_id, self.settings.client_secret or "")
        if who[1] and "client_secret_post" in methods:
            form["client_secret"], who = who[1], ("", "")
        told = self._asked("POST", at, form, who if who[1] else None).get("id_token")
        if not isinstance(told, str):
            raise UsageError("the provider gave no token of identity (its client must allow the scope openid)")
        return self._named(self._claims(told, begun.nonce))

    def _named(self, claims: Mapping[str, Any]) -> str:
        wanted = self.settings.claim
        name = claims.get(wanted)
        if not isinstance(name, str) or not name:
            raise UsageError(f"the token of the provider has no claim {wanted!r} (see people.oidc.claim)")
        if wanted == "email" and claims.get("email_verified", True) not in {True, "true"}:
            raise UsageError("the provider has not verified this e-mail address")
        return name

    def _claims(self, token: str, nonce: str) -> Mapping[str, Any]:
        """Return what a signed token says. A key that is not known may be a new one, so the keys are fetched once more."""
        wanted = jwt.JWTClaimsRegistry(
            now=int(self.clock.now().timestamp()),
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.settings.client_id},
            exp={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        try:
            claims = self._decoded(token)
            wanted.validate(claims)
        except (JoseError, ValueError) as error:
            raise UsageError(f"the token of the provider is not valid: {type(error).__name__}") from None
        several = isinstance(claims.get("aud"), list) and len(claims["aud"]) > 1
        if claims.get("azp", self.settings.client_id) != self.settings.client_id or (several and "azp" not in claims):
            raise UsageError("the token of the provider was made for somebody else")
        return claims

    def _decoded(self, token: str) -> dict[str, Any]:
        try:
            return jwt.decode(token, self._keys(), algorithms=ALGORITHMS).claims
        except (JoseError, ValueError):
            self._forget("jwks_uri")
            return jwt.decode(token, self._keys(), algorithms=ALGORITHMS).claims

    def _keys(self) -> KeySet:
        keys: Any = self._kept("jwks_uri", self._endpoint("jwks_uri"))
        return KeySet.import_key_set(keys)

    def _metadata(self) -> dict[str, Any]:
        return self._kept("metadata", f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")

    def _endpoint(self, name: str) -> str:
        told = self._metadata()
        if told.get("issuer") != self.issuer:
            raise Unreachable(f"{self.issuer} says that it is another issuer (write people.oidc.issuer as it says)")
        at = str(told.get(name, ""))
        refused = self.guard.refusal(at)
        if refused:
            raise Unreachable(f"the {name} of {self.issuer} is refused: {refused}")
        return at

    def _kept(self, what: str, url: str) -> dict[str, Any]:
        now = self.clock.now()
        with self._lock:
            kept = self._known.get(what)
        if kept is not None and now - kept[0] < FRESH:
            return kept[1]
        told = self._asked("GET", url)
        with self._lock:
            self._known[what] = (now, told)
        return told

    def _forget(self, what: str) -> None:
        with self._lock:
            self._known.pop(what, None)

    def _asked(
        self, method: str, url: str, form: Mapping[str, str] | None = None, who: tuple[str, str] | None = None
    ) -> dict[str, Any]:
        try:
            return _answer(self.guard, method, url, form, who)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, Undeliverable) as error:
            raise Unreachable(
                f"the provider {self.issuer} does not answer: {str(error) or type(error).__name__}"
            ) from None
        except ValueError:
            raise Unreachable(f"the provider {self.issuer} answered with what is no JSON object") from None


def _answer(
    guard: Guard, method: str, url: str, form: Mapping[str, str] | None, who: tuple[str, str] | None
) -> dict[str, Any]:
    """Return the JSON object at `url`, connected to where the guard says; no redirect is followed."""
    target = guard.target(url)
    trust = ssl.create_default_context(cafile=guard.ca) if guard.ca else httpx.create_ssl_context(trust_env=False)
    until = time.monotonic() + PATIENCE_S
    with (
        httpx.Client(timeout=PATIENCE_S, verify=trust, proxy=guard.proxy, trust_env=False) as http,
        http.stream(
            method,
            target.url,
            data=form,
            auth=who,
            headers={"host": target.host, "accept": "application/json"},
            extensions={"sni_hostname": target.server},
        ) as answer,
    ):
        body = bytearray()
        for chunk in answer.iter_bytes():
            body += chunk
            if len(body) > LARGEST or time.monotonic() > until:
                raise httpx.ReadTimeout("the answer is too long")
    if answer.status_code != httpx.codes.OK:
        raise httpx.ProtocolError(f"status {answer.status_code}")
    told = json.loads(body)
    if not isinstance(told, dict):
        raise ValueError("no object")  # noqa: TRY004 - told apart from nothing else by the caller
    return told
