"""The wheel, alone in a fresh environment outside the repository, is a whole Plumbline."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.dashboards.running import CHROMIUM, browser

ROOT = Path(__file__).parents[2]
UV = ROOT / ".tools/bin/uv"

pytestmark = [pytest.mark.wheel, pytest.mark.skipif(not UV.exists(), reason="no uv here: run `make install` first")]


@pytest.fixture(scope="module")
def plumbline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command of an environment that knows the wheel and nothing of this folder."""
    folder = tmp_path_factory.mktemp("wheel")
    _uv("build", "--wheel", "--out-dir", str(folder), str(ROOT))
    _uv("venv", "--python", sys.executable, str(folder / "fresh"))
    wheel = next(folder.glob("plumbline-*.whl"))
    _uv("pip", "install", "--python", str(folder / "fresh/bin/python"), str(wheel))
    return folder / "fresh/bin/plumbline"


def _uv(*arguments: str) -> None:
    ran = subprocess.run([UV, "--quiet", *arguments], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.fixture
def said(plumbline: Path, tmp_path: Path) -> Iterator[str]:
    """What `plumbline up` prints until it is ready, on free ports in an empty folder."""
    ports = [part for flag in ("--otlp-http", "--otlp-grpc", "--api", "--dashboard") for part in (flag, "127.0.0.1:0")]
    running = subprocess.Popen(
        [plumbline, "up", *ports],
        cwd=tmp_path,
        env=_bare(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert running.stdout is not None
        lines: list[str] = []
        for line in running.stdout:
            lines.append(line)
            if "ready in" in line:
                break
        yield "".join(lines)
    finally:
        running.terminate()
        running.communicate(timeout=60)
    assert running.returncode == 0


def _bare() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}


def test_it_comes_up_answers_and_shows_a_page(said: str, plumbline: Path, tmp_path: Path) -> None:
    found = re.search(r"dashboard +(http://\S+)", said)
    assert found is not None, said
    assert "<title>" in httpx.get(found[1], trust_env=False).text
    status = subprocess.run(
        [plumbline, "status"], cwd=tmp_path, env=_bare(), capture_output=True, text=True, check=False
    )
    assert status.returncode == 0, status.stderr
    assert "collector" in status.stdout
    if CHROMIUM.exists():
        _look(found[1], plumbline)


def _look(url: str, plumbline: Path) -> None:
    """The first page says what to set, and names commands that exist as they stand."""
    line = f"{plumbline} demo --data-dir"
    with browser() as chrome:
        chrome.get(url)
        WebDriverWait(chrome, 60).until(lambda page: line in page.find_element(By.TAG_NAME, "body").text)
