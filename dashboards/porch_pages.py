"""The two pages outside: one to sign in, one to sign out. Plain HTML without a script; every text in it is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final
from urllib.parse import quote

from dashboards.theme import ACCENT, BAD, INK, LINE, MUTED, PAPER, WASH, logo

_LOOK: Final = f"""<style>
body {{ margin: 0; background: {WASH}; color: {INK}; font: 15px sans-serif; }}
main {{ width: 20rem; margin: 12vh auto; padding: 2rem; background: {PAPER}; border: 1px solid {LINE}; border-radius: 8px; }}
label {{ display: block; margin-top: 1rem; color: {MUTED}; }}
input {{ box-sizing: border-box; width: 100%; margin-top: 0.3rem; padding: 0.55rem; font: inherit; border: 1px solid {LINE}; border-radius: 6px; }}
button, .way {{ display: block; box-sizing: border-box; width: 100%; margin-top: 1.4rem; padding: 0.6rem; font: inherit; text-align: center;
  text-decoration: none; color: {PAPER}; background: {ACCENT}; border: 1px solid {ACCENT}; border-radius: 6px; cursor: pointer; }}
.way.second {{ color: {ACCENT}; background: {PAPER}; }}
[role=alert] {{ margin: 1.2rem 0 0; color: {BAD}; }}
</style>"""


def signing_in(title: str, ways: Mapping[str, object], problem: str, goes_to: str = "/") -> str:
    """Return the page to sign in by the `ways` there are; `problem` says why the last try failed."""
    told = f'<p role="alert">{escape(problem[:1].upper() + problem[1:])}</p>' if problem else ""
    return _page(
        title, "Sign in", told + (_password(goes_to) if ways.get("password") else "") + _provider(ways, goes_to)
    )


def _password(goes_to: str) -> str:
    return (
        '<form method="post" action="/sign-in">'
        f'<input type="hidden" name="next" value="{escape(goes_to)}">'
        '<label>Name<input name="name" autocomplete="username" autofocus required maxlength="64"></label>'
        '<label>Password<input name="password" type="password" autocomplete="current-password" required></label>'
        "<button>Sign in</button></form>"
    )


def _provider(ways: Mapping[str, object], goes_to: str) -> str:
    if not ways.get("provider"):
        return ""
    kind = "way second" if ways.get("password") else "way"
    return f'<a class="{kind}" href="/sign-in/provider?next={quote(goes_to)}">Sign in with your organisation</a>'


def signing_out(title: str) -> str:
    """Return the page that asks once more: a link alone ends nothing."""
    return _page(
        title,
        "Sign out",
        '<form method="post" action="/sign-out"><button>Sign out</button></form><a class="way second" href="/">Back</a>',
    )


def _page(title: str, what: str, content: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{what} · {escape(title)}</title>{_LOOK}</head>'
        f"<body><main>{logo(title)}{content}</main></body></html>"
    )
