"""The rule file: strict, with the line of the mistake, and the starter rules that ship."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.channels.webhook import WebhookReceiver
from alerts.checks import load_rules
from alerts.rules import SIGNALS, STARTER, Rulebook, identity_labels
from monitor.errors import ConfigError

FILE = """\
version: 1
receivers:
- {kind: console, name: log}
- {kind: webhook, name: pager, url: "https://pager.test/in", secret: "whsec_c2VjcmV0"}
rules:
- id: rate
  title: Too many violations
  signal: violation_rate
  where: {app: support}
  when: {stat: low, op: ">", value: 0.05, min_n: 30}
  fire_after: {bad: 2, of: 3}
  clear: {stat: high, op: "<", value: 0.04, hold: 3}
  severity: error
routes:
- match: {severity: critical}
  to: [pager]
- to: [log]
  notify_after: 30s
  remind_every: 4h
"""


def load(tmp_path: Path, old: str = "", new: str = "") -> Rulebook:
    assert old in FILE
    file = tmp_path / "alerts.yaml"
    file.write_text(FILE.replace(old, new, 1) if old else FILE)
    return load_rules(file)


def test_a_file_is_read(tmp_path: Path) -> None:
    book = load(tmp_path)
    [rule] = book.rules
    assert rule.when is not None
    assert (rule.when.stat, rule.when.min_n, rule.fire_after.of) == ("low", 30, 3)
    assert [receiver.name for receiver in book.receivers] == ["log", "pager"]
    assert book.routes[1].delay.total_seconds() == 30


def test_the_starter_rules_cover_every_signal_and_tell_the_console() -> None:
    book = load_rules(None)
    assert {rule.signal for rule in book.rules} == set(SIGNALS)
    assert [receiver.name for receiver in book.receivers] == ["console"]
    assert STARTER.is_file()


def test_routes_are_tried_in_order(tmp_path: Path) -> None:
    book = load(tmp_path)
    facts = {"severity": "critical", "id": "rate", "category": "", "signal": "violation_rate"}
    assert book.route(facts) is book.routes[0]
    assert book.route(facts | {"severity": "error"}) is book.routes[1]


def test_a_changing_label_is_no_identity() -> None:
    worse = next(rule for rule in load_rules(None).rules if rule.id == "ab-worse")
    assert identity_labels(worse) == ("app", "experiment")


WRONG = [
    ("signal: violation_rate", "signal: violations", 8, "unknown signal `violations`"),
    ("to: [log]", "to: [logg]", 17, "unknown receiver `logg`"),
    ("- to: [log]", "- match: {severity: info}\n  to: [log]", 6, "no route is sure to take its error alerts"),
    ("- to: [log]", "- match: {app: support}\n  to: [log]", 6, "no route is sure"),
    ("name: pager", "name: log", 4, "`log` stands twice"),
    ("notify_after: 30s", "notify_after: 30 seconds", 18, "is not a duration"),
    ("remind_every: 4h", "remind_every: 1s", 19, "more often than each minute"),
    ("value: 0.05", "value: 1.0", 10, "can never be > 1"),
    ("value: 0.05", "value: 5", 10, "can never be > 5"),
    ("bad: 2", "bad: 4", 11, "4 bad of 3 can never be"),
    ("value: 0.04", "value: 0.06", 12, "would flap"),
    ("clear: {stat: high", "clear: {stat: low, op: '<', value: 0.04}\n  no_data: {after", 13, "after"),
    ('op: "<"', 'op: ">"', 12, "looks the same way"),
    ("where: {app: support}", "where: {application: support}", 9, "unknown label `application`"),
    ("where: {app: support}", "by: [finding]", 9, "cannot tell one alert from another"),
    ("where: {app: support}", "worse: {value: 0.01, severity: critical}", 9, "not beyond"),
    ("where: {app: support}", "worse: {value: 0.5, severity: info}", 9, "is not worse than error"),
    ("id: rate", "id: plumbline.rate", 6, "begins with `plumbline.`"),
    ("https://pager.test/in", "ftp://pager.test", 4, "not an http(s) address"),
    ("https://pager.test/in", "https:///in", 4, "not an http(s) address"),
    ("match: {severity: critical}", "match: {team: a}", 15, "no alert has a `team`"),
    ("severity: error", "severity: fatal", 13, "severity"),
    ("title: Too", "titel: Too", 7, "unknown key `titel`"),
    ("kind: console", "kind: pigeon", 3, "pigeon"),
    ('secret: "whsec_c2VjcmV0"', 'secret: "${env:PLUMBLINE_NOT_SET}"', 4, "PLUMBLINE_NOT_SET is not set"),
    ("to: [pager]", "to: []", 16, "to"),
]


@pytest.mark.parametrize(("old", "new", "line", "problem"), WRONG)
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, old: str, new: str, line: int, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(tmp_path, old, new)
    assert problem in str(raised.value)
    assert raised.value.line == line
    assert "\n" not in str(raised.value)


def test_a_rule_id_may_stand_once(tmp_path: Path) -> None:
    again = "- {id: rate, title: t, signal: drift, severity: info}\nroutes:"
    with pytest.raises(ConfigError, match="`rate` stands twice under rules") as raised:
        load(tmp_path, "routes:", again)
    assert raised.value.line == 14


def test_a_sample_count_where_there_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="carries no sample count"):
        load(tmp_path, "violation_rate\n  where: {app: support}", "drift")


def test_secrets_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER_SECRET", "canary-secret-1")
    book = load(tmp_path, '"whsec_c2VjcmV0"', '"${env:PAGER_SECRET}"')
    receiver = book.receivers[1]
    assert isinstance(receiver, WebhookReceiver)
    assert receiver.secret == "canary-secret-1"
