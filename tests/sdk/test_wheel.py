"""The wheel that goes into other people's applications: one import name, and opentelemetry as its only need."""

from __future__ import annotations

import os
import re
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = ROOT / ".tools" / "bin" / "uv"


@pytest.mark.slow
@pytest.mark.skipif(not UV.exists(), reason="uv is not installed here (make install brings it)")
def test_the_wheel_has_one_import_name_and_needs_opentelemetry_only(tmp_path: Path) -> None:
    command = [str(UV), "build", "--quiet", "--wheel", "--package", "plumbline-sdk", "--out-dir", str(tmp_path)]
    made = subprocess.run(command, cwd=ROOT, env=os.environ | {"UV_PYTHON_DOWNLOADS": "never"}, check=False)
    if made.returncode:
        pytest.skip("the wheel cannot be built here (its build back end is fetched from the package index)")
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    top = {name.partition("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"plumbline_sdk"}
    needs = re.findall(r"^Requires-Dist: ([a-z-]+)", metadata, re.MULTILINE)
    assert needs
    assert all(name.startswith("opentelemetry-") for name in needs)
