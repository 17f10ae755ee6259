"""HTML of ours, in which the text of others is nothing but text.

Whatever is not ours goes through `words`. Streamlit keeps no SVG in a page: a drawing goes in as an image, which can
neither run anything nor ask for anything. Streamlit's own cleaning of HTML and the page's security policy stand behind that.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from html import escape
from typing import Final, NewType

import streamlit as st

from dashboards.text import one_line
from dashboards.theme import repainted

Html = NewType("Html", str)

_DRAWING: Final = re.compile("<svg.*</svg>", re.DOTALL)
_OURS: Final = re.compile('<svg.*</svg>|style="[^"]*"', re.DOTALL)
"""Where colours of ours stand; in `words` a quote is none any more."""


def words(text: object, cap: int = 60) -> str:
    """Return `text` for a page or an attribute of it: one line in which nothing is markup.

    >>> words('<b onclick="x">')
    '&lt;b onclick=&quot;x&quot;&gt;'
    """
    return escape(one_line(text, cap) or "")


def drawing(shapes: Iterable[str]) -> str:
    """Return SVG that fills what it stands in; a piece of HTML has one drawing at most."""
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(shapes)}</svg>'


def as_pictures(html: str) -> str:
    """Return `html` with the drawing in it as an image.

    >>> as_pictures(drawing([]))
    '<img alt="" src="data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciPjwvc3ZnPg==">'
    """
    return _DRAWING.sub(lambda found: f'<img alt="" src="data:image/svg+xml;base64,{_base64(found[0])}">', html)


def in_colours(html: str, *, dark: bool) -> str:
    """Return `html` in the colours of the page; a colour that somebody names in a text stays what it is.

    >>> in_colours('<b style="color:#1d2733">#1d2733</b>', dark=True)
    '<b style="color:#e4e8ed">#1d2733</b>'
    """
    return _OURS.sub(lambda found: repainted(found[0], dark=dark), html)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def draw(html: Html) -> None:
    """Draw what was built of `words` and of our own marks, in the colours of the page."""
    st.html(as_pictures(in_colours(html, dark=st.context.theme.type == "dark")))
