"""What is typed, configured or stored with ill will: one clear line, or a cell that a spreadsheet only shows."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.clock import SystemClock
from monitor.config.read import parse_yaml
from monitor.config.schema import Section, Settings
from monitor.errors import ConfigError
from monitor.store.opening import Store
from plumbline.cli import show
from tests.cli.plumbline import plumbline

LAUGHS = "a0: &a0 [ha, ha]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))


class Chosen(Section, frozen=True):
    """A setting whose value is one of a few."""

    mode: Literal["on", "off"] = "on"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LAUGHS, "once its aliases are written out"),
        ("a: &a [*a]\n", "holds itself"),
        ("a: &a {b: *a}\n", "holds itself"),
        ('data_dir: "a\\0b"\n', "NUL"),
        ("data_dir: a\x00b\n", "not valid YAML"),
        ("[" * 5000, "not valid YAML"),
        ("&a " * 3, "not valid YAML"),
    ],
)
def test_hostile_yaml_is_one_line(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        parse_yaml(text, Settings, "plumbline.yaml")
    assert "\n" not in str(raised.value)


def test_an_alias_in_earnest_still_works() -> None:
    text = "prices:\n  a: &p {input: 1, output: 2}\n  b: *p\n"
    assert len(parse_yaml(text, Settings, "plumbline.yaml").prices) == 2


def test_a_secret_is_never_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", "s3cret-hook")
    with pytest.raises(ConfigError) as raised:
        parse_yaml("mode: ${env:HOOK}\n", Chosen, "x.yaml")
    assert "s3cret" not in str(raised.value)
    assert "(a secret)" in str(raised.value)


def test_a_secret_that_stands_in_the_file_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "plumbline.yaml").write_text(
        "people:\n  oidc: {issuer: 'https://a.example', client_id: x, client_secret: s3cret-of-ours}\n"
    )
    ran = plumbline("check", cwd=tmp_path)
    assert ran.code == 0
    assert "s3cret" not in ran.out + ran.error
    assert "people.oidc.client_secret" in ran.out


def printed(columns: list[str], row: list[object], capsys: pytest.CaptureFixture[str], *, raw: bool) -> list[list[str]]:
    capsys.readouterr()
    show.print_csv(columns, [row], raw=raw)
    return list(csv.reader(io.StringIO(capsys.readouterr().out)))


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "\n=1", "\uff1d1", "|cmd", "%x"])
def test_a_spreadsheet_runs_no_cell(cell: str, capsys: pytest.CaptureFixture[str]) -> None:
    header, (shown,) = printed([cell], [cell], capsys, raw=False)
    assert header[0].startswith("'")
    assert shown.startswith("'")
    assert printed([cell], [cell], capsys, raw=True) == [[cell], [cell]]


def test_numbers_stay_numbers_and_control_characters_become_visible(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(["n", "t"], [-5, "a\x1b[31m"], capsys, raw=False)[1] == ["-5", "a\\x1b[31m"]


@given(st.text(max_size=20))
def test_no_text_at_all_begins_a_formula(text: str) -> None:
    told = show.tame(text)
    assert told.lstrip()[:1] not in set("=+-@")
    assert "\x00" not in told


def test_what_is_written_is_for_its_owner_only(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    data.chmod(0o755)
    file = tmp_path / "calls.jsonl"
    file.write_text('{"model": "m", "prompt": "hi", "completion": "hello", "time": "2026-11-20T12:00:00Z"}\n')
    code = f"import os, sys; os.umask(0o022); from plumbline.cli.main import main; main(['import', {str(file)!r}, '--data-dir', {str(data)!r}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert any(data.iterdir()), done.stderr
    open_to_others = [path for path in (data, *data.rglob("*")) if path.stat().st_mode & 0o077 and not path.is_socket()]
    assert open_to_others == []


@pytest.mark.parametrize("damage", ["cut", "noise"])
def test_a_damaged_store_at_rest_is_not_moved_by_a_read(tmp_path: Path, damage: str) -> None:
    Store.open(tmp_path, clock=SystemClock()).close()
    file = tmp_path / "plumbline.duckdb"
    whole = file.read_bytes()
    broken = whole[:4000] if damage == "cut" else b"\x07" * len(whole)
    file.write_bytes(broken)
    ran = plumbline("sql", "SELECT 1", "--data-dir", tmp_path, cwd=tmp_path)
    assert ran.code == 1
    assert len(ran.error.splitlines()) == 1
    assert "damaged" in ran.error
    assert file.read_bytes() == broken
