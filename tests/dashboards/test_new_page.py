"""A new page is a file and a line: planted in a copy of the dashboard, it is in the navigation and is drawn."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from dashboards.pages import PAGES, linked
from tests.dashboards.conftest import Served

ROOT = Path(__file__).parents[2]
VIEW = """
import streamlit as st


def show(context):
    st.text(f"hello to {context.scope.name}")
"""
LOOK = """
import sys
from streamlit.testing.v1 import AppTest

app, *options = sys.argv[1:]
sys.argv = [app, *options]
page = AppTest.from_file(app, default_timeout=60).run()
assert not page.exception, page.exception
print([text.value for text in page.text])
"""


def test_a_new_page_is_one_file_and_one_line(full: Served, tmp_path: Path) -> None:
    copy = shutil.copytree(ROOT / "dashboards", tmp_path / "dashboards")
    (copy / "views/hello.py").write_text(VIEW)
    table = (copy / "pages.py").read_text()
    line = '    Page("hello", "Hello", ":material/waving_hand:", hello.show),\n'
    planted = table.replace("PAGES: Final = (\n", f"PAGES: Final = (\n{line}")
    (copy / "pages.py").write_text(planted.replace("drift, experiments,", "drift, experiments, hello,"))
    ran = subprocess.run(
        [sys.executable, "-c", LOOK, str(copy / "app.py"), "--api", full.url, "--token-file", str(full.token)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "hello to 14d" in ran.stdout, ran.stderr


def test_every_page_has_an_address_and_a_title_of_its_own() -> None:
    for key in ("path", "title", "icon"):
        assert len({getattr(page, key) for page in PAGES}) == len(PAGES)


def test_a_link_names_its_page() -> None:
    assert linked({"finding": "f1"}) == "drift"
    assert linked({"page": "quality"}) == "quality"
    assert linked({"page": "nonsense"}) is None
    assert linked({}) is None
