"""Rules to begin with: about two dozen, each with examples that hold, and with what its graders are worth or the words that nobody knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitor.clock import FakeClock
from monitor.errors import UsageError
from monitor.graders.cards import NOT_MEASURED, card_of, cards
from monitor.graders.kinds import FAMILIES
from monitor.policy.checks import lint
from monitor.policy.load import load_policies
from monitor.policy.packs import unpack
from monitor.policy.rendering import render
from monitor.policy.trying import try_examples
from tests.cli.plumbline import plumbline
from tests.policy.support import NOW

GRADERS_PAGE = Path(__file__).parents[2] / "docs" / "graders.md"


def test_the_pack_has_two_dozen_rules_of_which_eight_may_alert(tmp_path: Path) -> None:
    unpack(tmp_path / "policies")
    policies = load_policies(tmp_path / "policies", FakeClock(NOW))
    assert {policy.id: (policy.status, len(policy.rules)) for policy in policies} == {
        "starter": ("active", 8),
        "starter-judged": ("shadow", 9),
        "starter-shadow": ("shadow", 7),
    }
    for policy in policies:
        weak = [one.warning for one in lint(policy, Path(policy.path).read_text(encoding="utf-8"))]
        assert set(weak) <= {"no grader runs for this rule; it is never graded"}
        assert all("Looked for by" in part for part in render(policy, "page").split("\n### ")[1:])


def test_every_example_of_the_pack_that_local_graders_decide_comes_out_as_labelled(tmp_path: Path) -> None:
    unpack(tmp_path)
    tried = [
        one
        for one in try_examples(load_policies(tmp_path, FakeClock(NOW)), FakeClock(NOW))
        if one.label != "borderline"
    ]
    assert {one.outcome for one in tried if one.policy != "starter-judged"} == {"passed"}
    assert {one.outcome for one in tried if one.policy == "starter-judged"} == {"open"}


def test_what_is_there_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "starter.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(UsageError, match=r"starter\.yaml is there already"):
        unpack(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["starter.yaml"]


def test_every_figure_of_a_card_stands_in_the_docs() -> None:
    page = GRADERS_PAGE.read_text(encoding="utf-8")
    for family, card in cards().items():
        assert family in FAMILIES
        for share in re.findall(r"(\d+\.\d|\.\d) %", card):
            assert f"{float(share) / 100:.3f}"[:5] in page, (family, share)


def test_a_grader_without_a_card_is_not_measured() -> None:
    assert card_of(FAMILIES["judge"](rubric="r.md")) == NOT_MEASURED


def test_the_command_writes_the_pack_and_says_how_to_use_it(tmp_path: Path) -> None:
    ran = plumbline("policy", "starter", "rules", cwd=tmp_path)
    assert ran.code == 0
    assert "starter-shadow.yaml: 7 rules, shadow" in ran.out
    again = plumbline("policy", "starter", "rules", cwd=tmp_path)
    assert again.code == 2
    assert again.error.count("\n") == 1
