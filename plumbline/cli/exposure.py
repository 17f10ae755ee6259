"""Who could reach the dashboard: while nobody signs in, it is served to this machine alone."""

from __future__ import annotations

import ipaddress

from monitor.errors import UsageError
from plumbline.cli.settings import OPTIONS, Resolved


def only_loopback(resolved: Resolved) -> None:
    """Refuse to serve the dashboard beyond this machine. Raises `UsageError`."""
    address = resolved.address("dashboard")
    if not _is_loopback(address.host):
        named = OPTIONS["dashboard"][0] if "dashboard.address" in resolved.overridden else "dashboard.address"
        raise UsageError(
            f"{named} {address}: the dashboard has no sign-in, so everybody who reaches this address could read every "
            "text (use 127.0.0.1, and a proxy that signs people in with dashboard.public_url)"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
