"""A checkout beside itself: every figure it prints stands beside the other's, with their ratio."""

from __future__ import annotations

from benchmarks.against import HERE, QUESTIONS, SIZES, Question, compared


def test_a_checkout_beside_itself_is_as_good() -> None:
    question = Question("one", "show({{'figure': {idle}}}); show({{'other/s': 1234.0}})", more_is_better=True)
    idle = f"{SIZES[True]['idle']:.1f}"
    assert list(compared(HERE, question, 1, quick=True)) == [
        ("one", "figure", idle, idle, "1.00", "more"),
        ("one", "other/s", "1,234", "1,234", "1.00", "more"),
    ]


def test_every_question_is_a_program() -> None:
    for question in QUESTIONS:
        compile(question.program.format(**SIZES[True]), question.name, "exec")
