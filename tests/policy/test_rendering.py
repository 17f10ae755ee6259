"""A policy as others read it, what differs between two, and what it has to be reminded of."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from monitor.clock import FakeClock
from monitor.policy import Policy, load_policies
from monitor.policy.changes import changes, flips, step
from monitor.policy.controls import frameworks, unknown_control
from monitor.policy.reminders import due, waiting
from monitor.policy.rendering import in_order, missing_from, render
from tests.cli.plumbline import plumbline
from tests.policy.support import GOOD, NOW, write
from tests.policy.test_policies import WHOLE


@pytest.fixture
def policy(tmp_path: Path) -> Policy:
    return load_policies(write(tmp_path, WHOLE), FakeClock(NOW))[0]


def other(folder: Path, *pairs: tuple[str, str]) -> Policy:
    text = GOOD
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    (folder / "other").mkdir(exist_ok=True)
    return load_policies(write(folder / "other", text), FakeClock(NOW))[0]


def test_a_judge_is_asked_by_instruction_rule_exceptions_and_examples(policy: Policy) -> None:
    text = render(policy, "judge")
    for part in ("# Instruction", "# Rule (forbidden)", "# Fine", "# Exceptions", "# Examples", "- borderline:"):
        assert part in text
    assert "confidential-data" not in text  # defined once, told only where it is used


def test_a_region_adds_to_the_statement_and_only_there(policy: Policy) -> None:
    assert "under APPI" not in render(policy, "system-prompt", "US")
    assert "the signed-in user. Treat third-party provision under APPI." in render(policy, "system-prompt", "JP")
    assert "In JP, also: Treat" in render(policy, "page")


def test_precedence_decides_the_order(tmp_path: Path) -> None:
    swapped = other(tmp_path, ("rules:", "precedence: [R-2]\nrules:"))
    assert [rule.id for rule in in_order(swapped)] == ["R-2", "R-1"]


def test_a_published_policy_is_found_in_a_prompt_whatever_its_spacing(policy: Policy, tmp_path: Path) -> None:
    prompt = "You help.\n\n" + render(policy, "system-prompt").upper().replace(" ", "\n ")
    assert missing_from(policy, prompt) == []
    assert missing_from(policy, "You help.") == ["PRIV-03"]
    assert missing_from(other(tmp_path), "You help. Say no bad word!") == ["R-2"]


@pytest.mark.parametrize(
    ("old", "new", "size"),
    [
        ("It is bad.", "It is quite bad.", "patch"),
        ("max_chars: 40", "max_chars: 41", "minor"),
        ("max_chars: 40", "max_chars: 4", "major"),
        ("version: 1.0.0", "version: 1.0.1", "none"),
        ("scope: {apps: [shop]}", "scope: {apps: [shop, bank]}", "minor"),
    ],
)
def test_a_step_is_as_large_as_what_it_changes(old: str, new: str, size: str, tmp_path: Path) -> None:
    before = other(tmp_path)
    text = GOOD.replace(old, new)
    if size == "major":
        text = text.replace("{id: e1, label: complies, out: short}", "{id: e1, label: violates, out: short}")
    after = load_policies(write(tmp_path, text), FakeClock(NOW))[0]
    assert step(changes(before, after), flips(before, after, FakeClock(NOW))) == size


def test_a_change_is_said_in_words(tmp_path: Path) -> None:
    after = other(
        tmp_path, ("    rationale: It is bad.", "    rationale: It is bad.\n    thresholds: {warn_rate: 0.01}")
    )
    (tmp_path / "before").mkdir()
    before = load_policies(write(tmp_path / "before", GOOD), FakeClock(NOW))[0]
    assert [str(change) for change in changes(before, after)] == ['R-1: thresholds was not said, is {"warn_rate":0.01}']


def test_keys_that_wait_are_told_with_their_line(policy: Policy) -> None:
    lines = WHOLE.splitlines()
    told = {
        warning.warning.split()[0].rstrip(":"): lines[(warning.line or 0) - 1] for warning in waiting(policy, WHOLE)
    }
    for key in ("on_uncertain", "judge", "always_review_if_flagged", "min_recall"):
        assert key in told[key]


def test_dates_are_told_in_time(policy: Policy) -> None:
    assert [one.rule_id for one in due(policy, WHOLE, date(2026, 12, 15))] == []
    assert "was due" in due(policy, WHOLE, date(2027, 3, 2))[0].warning
    assert "in force from 2026-12-01" in due(policy, WHOLE, date(2026, 11, 1))[0].warning
    assert "exception X1 ends" in due(policy, WHOLE, date(2027, 6, 1))[1].warning


def test_every_framework_knows_its_own_example() -> None:
    assert [unknown_control(f"{one.name}:{one.example}") for one in frameworks().values()] == [""] * len(frameworks())


def test_the_command_tests_and_tells_by_its_exit_code(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    passed = plumbline("policy", "test", "shop.yaml", "--format", "json", cwd=tmp_path)
    assert passed.code == 0
    assert {one["outcome"] for one in json.loads(passed.out)["examples"]} == {"passed"}
    write(tmp_path, GOOD.replace("out: good word", "out: a bad word"))
    failed = plumbline("policy", "test", "shop.yaml", cwd=tmp_path)
    assert failed.code == 1
    assert "banned phrase 1" in failed.out
    write(tmp_path, "rules: 7\n")
    assert plumbline("policy", "test", "shop.yaml", cwd=tmp_path).code == 2
    assert plumbline("policy", "test", "nowhere.yaml", cwd=tmp_path).code == 2


def test_the_command_lints_shows_compares_and_renders(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, GOOD.replace("max_chars: 40", "max_chars: 20"), "new.yaml")
    assert plumbline("policy", "lint", "shop.yaml", cwd=tmp_path).code == 1
    assert "R-2" in plumbline("policy", "show", "shop.yaml", cwd=tmp_path).out
    assert "a minor step" in plumbline("policy", "diff", "shop.yaml", "new.yaml", cwd=tmp_path).out
    assert (
        "1. Say no bad word." in plumbline("policy", "render", "shop.yaml", "--as", "system-prompt", cwd=tmp_path).out
    )
    refused = plumbline("policy", "diff", "shop.yaml", cwd=tmp_path)
    assert (refused.code, refused.error.count("\n")) == (2, 1)
