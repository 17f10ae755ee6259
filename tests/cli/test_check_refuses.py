"""`plumbline check` refuses what would fail later, in one line with the reason: patterns, receivers, providers."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.checks import load_rules
from monitor.config.schema import OidcSettings, OutgoingSettings, PeopleSettings, Settings
from monitor.errors import ConfigError
from plumbline.cli.check import refuse_private
from plumbline.cli.main import run

RULES = """
receivers:
  - {name: hook, kind: webhook, url: "https://hook.example/x", secret: "whsec_dGVzdHMtb25seS1ub3QtYS1zZWNyZXQ="}
rules: []
routes: []
"""


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "unclosed group"),
        ("(?=x)y", "look-around, including look-ahead and look-behind, is not supported"),
        ("a{1000000}", "Compiled regex exceeds size limit"),
        ("x*", "matches the empty text"),
    ],
)
def test_a_pattern_that_the_collector_would_refuse_is_refused_with_its_reason(
    pattern: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plumbline.yaml").write_text(f"collector: {{redaction: {{patterns: {{TICKET: '{pattern}'}}}}}}\n")
    assert run(["check"]) == 2
    said = capsys.readouterr().err
    assert f"collector.redaction.patterns.TICKET: {'not a regex' if pattern != 'x*' else 'matches'}" in said
    assert reason in said
    assert said.count("\n") == 1


def receivers(tmp_path: Path, more: str = "") -> Settings:
    path = tmp_path / "alerts.yaml"
    path.write_text(RULES.replace(", secret", f"{more}, secret"))
    return Settings(alerts=str(path))


def refused(settings: Settings, *addresses: str) -> str:
    book = load_rules(Path(settings.alerts) if settings.alerts else None)
    try:
        refuse_private(book.receivers, settings, lambda _, __: list(addresses))
    except ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "address", ["10.0.0.7", "169.254.169.254", "127.0.0.1", "::1", "fd00::1", "::ffff:192.168.0.1"]
)
def test_a_name_that_stands_for_a_private_address_is_refused_where_it_resolves(tmp_path: Path, address: str) -> None:
    settings = receivers(tmp_path)
    assert "receiver hook: its name stands for a private address" in refused(settings, address)
    assert refused(settings, "93.184.216.34") == ""
    assert refused(settings, "93.184.216.34", address) != ""
    assert refused(receivers(tmp_path, ", allow_private: true"), address) == ""


def test_a_name_that_does_not_resolve_here_is_left_to_whoever_calls(tmp_path: Path) -> None:
    def unknown(_: str, __: int) -> list[str]:
        raise OSError("no such name")

    settings = receivers(tmp_path)
    refuse_private(load_rules(Path(str(settings.alerts))).receivers, settings, unknown)


def test_the_provider_is_held_to_the_same_rules_and_a_proxy_resolves_by_itself() -> None:
    people = PeopleSettings(oidc=OidcSettings(issuer="https://login.example", client_id="p"))
    assert "people.oidc.issuer: its name stands for a private" in refused(Settings(people=people), "192.168.1.1")
    proxied = Settings(people=people, outgoing=OutgoingSettings(proxy="http://127.0.0.1:3128"))
    assert refused(proxied, "192.168.1.1") == ""
