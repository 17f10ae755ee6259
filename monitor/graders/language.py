"""Answers in the wrong language."""

from __future__ import annotations

from typing import ClassVar

from monitor.graders.grader import Judgement, Runner, Settings, Tools, complies, violates
from monitor.graders.languages import LANGUAGES, detect_language
from monitor.graders.runners import EachText
from monitor.model.values import Turn, Verdict


class Language(Settings, frozen=True, tag="language"):
    """The answer is in one of the languages of `expect` (ISO 639-1); an empty `expect` asks for the user's own language.

    Abstains on answers that are short or unclear; see `languages` for what can be told apart.
    """

    code: ClassVar[int] = 1
    expect: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = [language for language in self.expect if language not in LANGUAGES]
        if unknown:
            raise ValueError(f"language {unknown[0]} cannot be told apart here; known: {', '.join(sorted(LANGUAGES))}")

    def runner(self, tools: Tools) -> Runner:  # noqa: ARG002 it asks nobody else
        """Return the runner of these settings."""
        return EachText(self.look)

    def look(self, output: str, turn: Turn) -> Judgement:
        """Compare the language of the output with the one that is expected."""
        expected = self.expect or _own(turn.input_text)
        if not expected:
            return _unclear("input")
        spoken = detect_language(output)
        if spoken is None:
            return _unclear("output")
        if spoken in expected:
            return complies(f"in {spoken}")
        return violates(f"in {spoken}, expected {' or '.join(expected)}", 0.9)


def _own(text: str | None) -> tuple[str, ...]:
    spoken = detect_language(text) if text else None
    return (spoken,) if spoken else ()


def _unclear(what: str) -> Judgement:
    return Judgement(Verdict.CANNOT_JUDGE, None, f"the language of the {what} is too short or unclear to tell")
