"""Who could reach the dashboard: while nobody signs in, it is served to this machine alone; and where a sign-in leads."""

from __future__ import annotations

import ipaddress

from monitor.errors import UsageError
from plumbline.cli.settings import OPTIONS, Resolved
from plumbline.people.addresses import guard_of


def check_exposure(resolved: Resolved) -> None:
    """Refuse to serve the dashboard beyond this machine while nobody signs in, and a sign-in that cannot work.

    Raises `UsageError`.
    """
    _only_loopback(resolved)
    _provider(resolved)


def _provider(resolved: Resolved) -> None:
    asked = resolved.settings.people.oidc
    if asked.issuer is None:
        return
    refused = guard_of(resolved.settings).refusal(asked.issuer)
    if refused:
        raise UsageError(f"people.oidc.issuer {asked.issuer}: {refused}")
    if not asked.client_id:
        raise UsageError("people.oidc.client_id is missing (the provider gives one when you register this Plumbline)")
    if resolved.settings.dashboard.public_url is None and resolved.address("dashboard").port == 0:
        raise UsageError(
            "people.oidc needs a fixed address to come back to (set dashboard.public_url, or a port in dashboard.address)"
        )


def _only_loopback(resolved: Resolved) -> None:
    address = resolved.address("dashboard")
    if not _is_loopback(address.host) and not resolved.settings.people.sign_in:
        named = OPTIONS["dashboard"][0] if "dashboard.address" in resolved.overridden else "dashboard.address"
        raise UsageError(
            f"{named} {address}: the dashboard has no sign-in, so everybody who reaches this address could read every "
            "text (use 127.0.0.1, or let people sign in: people.passwords or people.oidc, see docs/people.md)"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
