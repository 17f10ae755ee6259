"""No text makes a grader raise, pass what it cannot see, or take more than its share of time."""

import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.graders.banned import Banned
from monitor.graders.grader import Grader
from monitor.graders.language import Language
from monitor.graders.leaks import PersonalData, Secret
from monitor.graders.length import Length
from monitor.graders.refusal import Refusal
from monitor.graders.repetition import Repetition
from monitor.graders.structured import Json
from tests.graders.support import word

ALL: list[Grader] = [
    Refusal(),
    PersonalData(kinds=("email", "phone", "iban", "card", "ip")),
    Secret(),
    Banned(phrases=("guaranteed refund", "a a a b"), patterns=(r"(a+)+$", r"(x*)*y")),
    Json(),
    Length(max_chars=100),
    Language(),
    Repetition(),
]
by_kind = pytest.mark.parametrize("grader", ALL, ids=lambda grader: type(grader).__name__)

fragments = st.sampled_from(
    [
        "<EMAIL_",
        "3fa2>",
        "I can't ",
        "sorry, ",
        "as an AI ",
        "{",
        "[",
        '"',
        "\x00",
        "\u202e",
        "é" * 9,
        "a@b.co ",
        "+44 ",
        "\n",
        "```json\n",
    ]
)
hostile = st.one_of(st.text(), st.lists(fragments, max_size=40).map("".join))


@by_kind
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(output=hostile, said=st.none() | hostile)
def test_no_text_raises(grader: Grader, output: str, said: str | None) -> None:
    judgement = word(grader, output, said)
    assert judgement.reason
    assert "\n" not in judgement.reason
    assert judgement.score is None or 0 <= judgement.score <= 1


@by_kind
@pytest.mark.parametrize("output", [None, "__REDACTED__"])
def test_what_was_not_captured_is_not_judged(grader: Grader, output: str | None) -> None:
    judgement = word(grader, output, "Hello?")
    assert (judgement.verdict, judgement.score) == ("cannot_judge", None)


HOSTILE: dict[str, Callable[[int], str]] = {
    "one letter": lambda n: "a" * n,
    "blanks": lambda n: " " * n,
    "cannot": lambda n: ("I cannot " * n)[:n],
    "sorry": lambda n: ("sorry " * n)[:n],
    "addresses": lambda n: ("a." * n)[: n - 1] + "@",
    "at signs": lambda n: "@" * n,
    "digits": lambda n: "1" * n,
    "spaced digits": lambda n: ("1 " * n)[:n],
    "plus signs": lambda n: ("+1" * n)[:n],
    "brackets": lambda n: "[" * n,
    "quotes": lambda n: '"' * n,
    "angles": lambda n: "<EMAIL_" * (n // 7),
    "dashes": lambda n: "-----BEGIN " * (n // 11),
    "fences": lambda n: "```json\n" * (n // 8),
    "phrase parts": lambda n: ("guaranteed " * n)[:n],
    "dots": lambda n: ("1.1." * n)[:n],
}


def fastest(grader: Grader, text: str) -> float:
    taken = []
    for _ in range(5):
        start = time.process_time()  # a busy machine must not look like a slow pattern
        word(grader, text, text[:1000])
        taken.append(time.process_time() - start)
    return min(taken)


@by_kind
@pytest.mark.parametrize("shape", HOSTILE)
def test_time_is_linear_in_hostile_text(grader: Grader, shape: str) -> None:
    """Four times the text may take four times as long, with room for a busy machine; a square would take sixteen."""
    short, long = (fastest(grader, HOSTILE[shape](n)) for n in (16_000, 64_000))
    assert long < max(9 * short, 0.02)
