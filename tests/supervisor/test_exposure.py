"""Without a sign-in nobody beyond this machine is served, whichever way the address is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from plumbline.cli.main import run


@pytest.mark.parametrize("command", ["up", "check"])
@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.7:8501", "example.org:8501"])
def test_an_address_beyond_loopback_is_refused_in_one_line(
    command: str, address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, "--data-dir", str(tmp_path / "data"), "--dashboard", address]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"plumbline: --dashboard {address}: the dashboard has no sign-in")
    assert said.err.count("\n") == 1
    assert said.out == ""


def test_the_config_is_named_where_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plumbline.yaml").write_text('dashboard: {address: "0.0.0.0:8501"}\n')
    assert run(["check"]) == 2
    assert "dashboard.address 0.0.0.0:8501" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["plumbline.example", "https://a.example/path", "https://u@a.example", "javascript:1"])
def test_a_public_url_is_the_address_of_a_site(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plumbline.yaml").write_text(f'dashboard:\n  public_url: "{url}"\n')
    assert run(["check"]) == 2
    assert "plumbline.yaml:2: dashboard.public_url" in capsys.readouterr().err


def test_loopback_and_a_proxy_are_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plumbline.yaml").write_text('dashboard: {public_url: "https://plumbline.example"}\n')
    assert run(["check", "--dashboard", "localhost:0"]) == 0
    assert run(["check", "--dashboard", "[::1]:0"]) == 0


def test_whoever_signs_in_may_come_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plumbline.yaml").write_text("people: {passwords: true}\n")
    assert run(["check", "--dashboard", "0.0.0.0:8501"]) == 0
    (tmp_path / "plumbline.yaml").write_text("people: {passwords: false}\n")
    assert run(["check", "--dashboard", "0.0.0.0:8501"]) == 2


@pytest.mark.parametrize(
    ("oidc", "told"),
    [
        ("{issuer: 'https://10.0.0.7', client_id: p}", "private address"),
        ("{issuer: 'http://login.example', client_id: p}", "in the clear"),
        ("{issuer: 'https://login.example'}", "people.oidc.client_id is missing"),
        ("{issuer: 'javascript:1', client_id: p}", "not an http(s) address"),
    ],
)
def test_a_provider_that_could_not_be_asked_is_refused_before_anybody_needs_it(
    oidc: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plumbline.yaml").write_text(f"people: {{oidc: {oidc}}}\n")
    assert run(["check"]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1


def test_the_way_back_from_the_provider_must_be_one_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plumbline.yaml").write_text("people: {oidc: {issuer: 'https://login.example', client_id: p}}\n")
    assert run(["check", "--dashboard", "127.0.0.1:0"]) == 2
    assert "fixed address" in capsys.readouterr().err
