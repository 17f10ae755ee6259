"""Where the provider of identities is reached, and where it sends people back to: what the settings say of it, and no more."""

from __future__ import annotations

from typing import Final

from monitor.config.schema import Settings
from monitor.outgoing import Guard
from monitor.places import parse_address

CALLBACK: Final = "/sign-in/callback"
"""Where the provider sends the browser back to, behind the address of the dashboard."""


def redirect_of(settings: Settings) -> str:
    """Return the one address that the provider may send people back to."""
    shown = settings.dashboard
    base = shown.public_url or parse_address(shown.address, "dashboard.address").url
    return f"{base.rstrip('/')}{CALLBACK}"


def guard_of(settings: Settings) -> Guard:
    """Return what the provider may be reached by."""
    asked, out = settings.people.oidc, settings.outgoing
    return Guard(asked.allow_http, asked.allow_private, out.proxy, out.ca)
