"""Descriptors of Evidently as a grader: what breaks a rule, what is refused, and what a process that fails costs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from monitor.clock import FakeClock
from monitor.errors import ConfigError, PluginError
from monitor.graders.answers import Answers
from monitor.graders.evidently import Ask, Child, Described, Evidently, Value
from monitor.model.values import Verdict
from monitor.policy.load import given_policy
from monitor.policy.reminders import waiting
from tests.graders.support import NOW, turn

RULE = """
apiVersion: policy/v1
policy: {id: p, version: 1.0.0, status: active, owner: o}
rules:
  - {id: R, title: R, kind: must_not, statement: "No.", rationale: "So.", graders: [{use: evidently, DESCRIPTOR}]}
"""


def says(values: Sequence[Value]) -> Ask:
    return lambda _descriptor, _settings, texts: values[: len(texts)]


def verdicts(grader: Evidently, ask: Ask, outputs: Sequence[str | None]) -> list[tuple[Verdict, str]]:
    found = Described(grader, ask).judge(Answers([turn(output) for output in outputs]))
    return [(one.verdict, one.reason) for one in found]


def test_a_number_breaks_the_rule_beyond_its_bounds_and_a_missing_one_breaks_none() -> None:
    grader = Evidently("SentenceCount", above=3, below=1)
    found = verdicts(grader, says([0, 1, 3, 4, None]), ["a", "b", "c", "d", "e"])
    assert [verdict.value for verdict, _ in found] == ["violates", "complies", "complies", "violates", "cannot_judge"]
    assert found[3][1] == "Evidently's SentenceCount is 4, above 3"


def test_what_was_not_captured_is_not_asked_about() -> None:
    grader = Evidently("ContainsLink", value=True)
    found = verdicts(grader, says([True, False]), [None, "a", None, "b"])
    assert [verdict.value for verdict, _ in found] == ["cannot_judge", "violates", "cannot_judge", "complies"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("descriptor: ContainsLink", "say which value breaks the rule"),
        ("descriptor: ContainsLink, above: 1", "say which value breaks the rule"),
        ("descriptor: TextLength", "say above or below"),
        ("descriptor: RegExp, value: true", "needs settings: {reg_exp"),
        ("descriptor: ToxicityLLMEval, value: true", "ToxicityLLMEval"),
    ],
)
def test_a_descriptor_that_cannot_be_asked_is_refused_with_its_line(wrong: str, told: str) -> None:
    with pytest.raises(ConfigError) as refused:
        given_policy("p.yaml", RULE.replace("DESCRIPTOR", wrong), FakeClock(NOW))
    assert told in str(refused.value)
    assert refused.value.line == 5


def test_check_says_what_it_costs_and_nothing_is_imported_for_that() -> None:
    text = RULE.replace("DESCRIPTOR", "descriptor: TextLength, above: 900")
    [said] = waiting(given_policy("p.yaml", text, FakeClock(NOW))[1], text)
    assert said.warning.startswith("Evidently's TextLength runs in a process of its own")
    asked = "import sys, monitor.graders.kinds; print({'evidently', 'pandas'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def child(code: str, seconds: float = 20.0) -> Child:
    return Child((sys.executable, "-c", f"import sys, time\nfor line in sys.stdin:\n {code}"), seconds, seconds)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("sys.exit(1)", "no answer (ConnectionResetError)"),
        ("print('nonsense', flush=True)", "no answer (JSONDecodeError)"),
        ("""print('{"refused": "KeyError: x"}', flush=True)""", "refused: KeyError: x"),
    ],
)
def test_a_process_that_fails_costs_the_verdicts_of_its_batch_with_the_reason(code: str, told: str) -> None:
    one = child(code)
    found = verdicts(Evidently("TextLength", above=3), one.ask, ["a", None])
    one.stop()
    assert found[0][0] is Verdict.NOT_GRADED
    assert found[0][1].startswith("error: Evidently")
    assert told in found[0][1]
    assert found[1][0] is Verdict.CANNOT_JUDGE


def test_a_text_that_takes_for_ever_ends_the_process_and_the_next_batch_has_another() -> None:
    slow = child("time.sleep(60 if 'slow' in line else 0); print('{\"values\": [1]}', flush=True)", 0.5)
    slow.start_s = 20.0
    assert slow.ask("TextLength", {}, ["quick"]) == [1]
    with pytest.raises(PluginError, match="TimeoutError"):
        slow.ask("TextLength", {}, ["slow"])
    assert slow.ask("TextLength", {}, ["quick"]) == [1]
    slow.stop()


@pytest.fixture(scope="module")
def evidently() -> Iterator[Child]:
    """The real one: importing it takes half a minute, so it is asked beside the other heavy proofs."""
    one = Child()
    yield one
    one.stop()


@pytest.mark.statistics
@pytest.mark.parametrize(
    ("descriptor", "settings", "values"),
    [
        ("TextLength", {}, [19, 7, 0]),
        ("WordCount", {}, [3, 1, 0]),
        ("SentenceCount", {}, [2, 1, 1]),
        ("NonLetterCharacterPercentage", {}, [pytest.approx(5.26, abs=0.1), pytest.approx(85.7, abs=0.1), None]),
        ("RegExp", {"reg_exp": "h.*"}, [True, False, False]),
        ("Contains", {"items": ["hello"]}, [True, False, False]),
        ("DoesNotContain", {"items": ["hello"]}, [False, True, True]),
        ("BeginsWith", {"prefix": "he"}, [True, False, False]),
        ("EndsWith", {"suffix": "d"}, [True, False, False]),
        ("IsValidJSON", {}, [False, True, False]),
        ("IsValidPython", {}, [False, True, True]),
        ("ContainsLink", {}, [False, False, False]),
    ],
)
def test_every_descriptor_that_is_offered_has_a_value(
    evidently: Child, descriptor: str, settings: dict[str, Any], values: list[Value]
) -> None:
    assert evidently.ask(descriptor, settings, ["hello there. friend", '{"a":1}', ""]) == values


@pytest.mark.statistics
def test_settings_that_evidently_does_not_know_are_refused(evidently: Child) -> None:
    with pytest.raises(PluginError, match="refused: TypeError"):
        evidently.ask("TextLength", {"colour": "red"}, ["a"])
