"""One more example in a policy file: the rest stays as it was written, and what a text holds is never YAML."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.yaml_lines import YamlText
from monitor.errors import UsageError
from monitor.policy.cases import Example, ExampleCall
from monitor.policy.growing import difference, free_id, with_example
from monitor.policy.packs import packed
from tests.policy.support import GOOD

EXAMPLE = Example(
    id="e9", label="violates", output='a "bad word": {x}', calls=(ExampleCall(tool="yes", result="null"),)
)


def examples(text: str, rule: str) -> list[dict[str, object]]:
    rules = yaml.safe_load(text)["rules"]
    found: list[dict[str, object]] = next(one for one in rules if one["id"] == rule)["examples"]
    return found


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.rstrip("\n"),
        GOOD.replace(
            "    graders:\n      - {use: banned, phrases: [bad word]}\n",
            "    # what finds it\n\n    graders: [{use: banned, phrases: [bad word]}]\n",
        ),
        GOOD.replace(
            "      - {id: e2, label: complies, out: good word}\n",
            "      - id: e2\n        label: complies\n        out: |\n          good\n          word\n",
        ),
    ],
)
def test_it_is_added_behind_the_others(text: str) -> None:
    grown = with_example(YamlText("p.yaml", text), "R-1", EXAMPLE)
    before, after = yaml.safe_load(text), yaml.safe_load(grown)
    added = examples(grown, "R-1")[-1]
    assert added == {
        "id": "e9",
        "label": "violates",
        "out": 'a "bad word": {x}',
        "calls": [{"tool": "yes", "result": "null"}],
    }
    after["rules"][0]["examples"].pop()
    assert after == before
    assert len(grown.splitlines()) == len(text.splitlines()) + 1


def test_a_rule_without_examples_and_lists_on_one_line_get_theirs() -> None:
    bare = "rules:\n  - id: A-1 # first\n    title: T\n  - {id: B-1, title: U}\n  - {id: C-1, examples: [{id: e1, out: x}]}\n  - {id: D-1, examples: []}\n"
    for rule, n in (("A-1", 1), ("B-1", 1), ("C-1", 2), ("D-1", 1)):
        assert len(examples(with_example(YamlText("p.yaml", bare), rule, EXAMPLE), rule)) == n
    with pytest.raises(UsageError, match=r"p\.yaml has no rule Z-1"):
        with_example(YamlText("p.yaml", bare), "Z-1", EXAMPLE)


def test_every_rule_that_ships_can_grow() -> None:
    for name, text in packed().items():
        for rule in yaml.safe_load(text)["rules"]:
            grown = with_example(YamlText(name, text), rule["id"], EXAMPLE)
            assert examples(grown, rule["id"])[:-1] == rule["examples"]


@given(st.text(), st.text())
def test_any_text_comes_back_as_it_was(said: str, saw: str) -> None:
    grown = with_example(YamlText("p.yaml", GOOD), "R-2", Example(id="e7", label="complies", input=said, output=saw))
    assert examples(grown, "R-2")[-1] == {"id": "e7", "label": "complies", "in": said, "out": saw}


def test_the_difference_is_one_line_and_ids_are_free() -> None:
    diff = difference("p.yaml", GOOD, with_example(YamlText("p.yaml", GOOD), "R-1", EXAMPLE))
    assert [line[:2] for line in diff.splitlines() if line[0] in "+-" and line[:3] not in {"+++", "---"}] == ["+ "]
    assert free_id({"e1", "e2"}) == "e3"
