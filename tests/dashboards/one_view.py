"""Runs one page in Streamlit's own test runner, over a real api on loopback."""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from typing import Any

from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from dashboards.pages import PAGES

manifest_scanner.scan_component_manifests = functools.cache(manifest_scanner.scan_component_manifests)
"""Each run of the runner reads the metadata of all that is installed, half a second of work; it stays as it is meanwhile."""

VIEWS = tuple(page.show.__module__.rpartition(".")[2] for page in PAGES)
SCRIPT = Path(__file__).with_name("page_script.py")


def run(view: str, api: str, token: Path, params: Mapping[str, str] | None = None) -> AppTest:
    """Return the page after its first run."""
    test = AppTest.from_file(SCRIPT, default_timeout=30)
    for name, value in (("view", view), ("api", api), ("token", str(token))):
        test.session_state[name] = value
    for name, value in (params or {}).items():
        test.query_params[name] = value
    return test.run()


def press(page: AppTest, words: str) -> AppTest:
    """Return the page after a press of the first button that says so."""
    return next(button for button in page.button if button.label == words).click().run()


def texts(test: AppTest) -> str:
    """Return everything that was shown as text."""
    kinds: tuple[Any, ...] = (test.text, test.caption, test.subheader, test.info, test.warning, test.code)
    drawn = [re.sub("<[^>]*>", "\n", element.proto.body) for element in test.get("html")]  # charts and grids of facts
    return "\n".join([*(str(element.value) for elements in kinds for element in elements), *map(unescape, drawn)])


if __name__ == "__main__":
    for name in VIEWS:
        ran = run(name, sys.argv[1], Path(sys.argv[2]))
        print(name, len(ran.exception), "pandas" in sys.modules, "altair" in sys.modules)
