"""Descriptors of Evidently as a grader: a rule is broken where a descriptor's value is beyond a bound, or is what it must not be.

Evidently is imported in a child process, and only once a rule that names a descriptor is asked. Those descriptors are offered that need
no network, no model and no word list; what a model judges is for `judge`. How often a rule made so is right is not measured.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, ClassVar, Final, Literal, cast

import msgspec

from monitor.errors import PluginError
from monitor.graders.answers import Answers
from monitor.graders.grader import NO_OUTPUT, Judgement, Runner, Settings, Tools, cannot_judge, complies, violates
from monitor.model.values import Verdict

Descriptor = Literal[
    "BeginsWith",
    "Contains",
    "ContainsLink",
    "DoesNotContain",
    "EndsWith",
    "IsValidJSON",
    "IsValidPython",
    "NonLetterCharacterPercentage",
    "RegExp",
    "SentenceCount",
    "TextLength",
    "WordCount",
]
NEEDS: Final = {
    "BeginsWith": "prefix",
    "Contains": "items",
    "DoesNotContain": "items",
    "EndsWith": "suffix",
    "RegExp": "reg_exp",
}
"""What a descriptor cannot do without."""

NUMBERS: Final = frozenset({"NonLetterCharacterPercentage", "SentenceCount", "TextLength", "WordCount"})
"""Descriptors whose value is a number; those of others are true or false."""

START_S: Final = 180.0
ANSWER_S: Final = 60.0
"""A pattern may take for ever on some text."""

Value = float | bool | None
Ask = Callable[[str, dict[str, Any], Sequence[str]], Sequence[Value]]
Setting = str | bool | float | list[str]


class Evidently(Settings, frozen=True, tag="evidently"):
    """A descriptor by its name in Evidently, with its `settings`, and the values that break the rule: `above`, `below`, or `value`."""

    code: ClassVar[int] = 1
    descriptor: Descriptor
    settings: dict[str, Setting] = msgspec.field(default_factory=dict)
    above: float | None = None
    below: float | None = None
    value: bool | None = None

    def __post_init__(self) -> None:
        bounded = self.above is not None or self.below is not None
        wanted = NEEDS.get(self.descriptor)
        if wanted is not None and wanted not in self.settings:
            raise ValueError(f"{self.descriptor} needs settings: {{{wanted}: ...}}")
        if self.descriptor in NUMBERS and (not bounded or self.value is not None):
            raise ValueError(f"{self.descriptor} is a number: say above or below which it breaks the rule")
        if self.descriptor not in NUMBERS and (bounded or self.value is None):
            raise ValueError(f"{self.descriptor} is true or false: say which value breaks the rule (value: true)")

    def runner(self, tools: Tools) -> Runner:  # noqa: ARG002 the child is nobody else
        """Return the runner of these settings."""
        return Described(self, CHILD.ask)

    def judged(self, value: Value) -> Judgement:
        """Return the verdict on one value."""
        if value is None:
            return cannot_judge(f"Evidently's {self.descriptor} has no value for this text")
        told = f"Evidently's {self.descriptor} is {str(value).lower() if isinstance(value, bool) else f'{value:g}'}"
        if self.value is not None:
            return violates(told) if bool(value) == self.value else complies(told)
        if self.above is not None and value > self.above:
            return violates(f"{told}, above {self.above:g}")
        if self.below is not None and value < self.below:
            return violates(f"{told}, below {self.below:g}")
        return complies(told)


@dataclass(frozen=True)
class Described:
    """Asks for the values of all captured answers at once."""

    settings: Evidently
    ask: Ask

    def judge(self, answers: Answers) -> Sequence[Judgement]:
        """Return one judgement an answer; where Evidently cannot be asked all are `not_graded`, with the reason."""
        texts = [text for text in answers.output if text is not None]
        try:
            values = iter(self.ask(self.settings.descriptor, dict(self.settings.settings), texts) if texts else ())
        except PluginError as error:
            broke = Judgement(Verdict.NOT_GRADED, None, f"error: {error}")
            return [NO_OUTPUT if text is None else broke for text in answers.output]
        return [NO_OUTPUT if text is None else self.settings.judged(next(values)) for text in answers.output]


@dataclass
class Child:
    """The process that has imported Evidently; started when it is asked first, and again after it failed. For several threads."""

    command: Sequence[str] = (sys.executable, "-m", "monitor.graders.via_evidently")
    start_s: float = START_S
    answer_s: float = ANSWER_S
    _process: subprocess.Popen[bytes] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, descriptor: str, settings: dict[str, Any], texts: Sequence[str]) -> list[Value]:
        """Return the values of `texts`. Raises `PluginError` where there are none."""
        question = json.dumps({"descriptor": descriptor, "settings": settings, "texts": list(texts)}).encode() + b"\n"
        with self._lock:
            fresh = self._process is None or self._process.poll() is not None
            try:
                told = json.loads(self._asked(question, self.start_s if fresh else self.answer_s))
            except (OSError, ValueError, TimeoutError) as error:
                self.stop()
                raise PluginError(f"Evidently gave no answer ({type(error).__name__})") from None
        if "refused" in told:
            raise PluginError(f"Evidently refused: {told['refused']}")
        found: list[Value] = told["values"]
        return found

    def stop(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _asked(self, question: bytes, patience: float) -> bytes:
        process = self._running()
        spoken = cast(IO[bytes], process.stdin)
        spoken.write(question)
        spoken.flush()
        return self._line(process, time.monotonic() + patience)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.stop()
            self._process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        return self._process

    @staticmethod
    def _line(process: subprocess.Popen[bytes], deadline: float) -> bytes:
        """Return one line of what the process says. Raises `TimeoutError`, and `ConnectionResetError` where it ended."""
        heard = cast(IO[bytes], process.stdout)
        said = b""
        while not said.endswith(b"\n"):
            ready, _, _ = select.select([heard], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            piece = os.read(heard.fileno(), 1 << 16)
            if not piece:
                raise ConnectionResetError
            said += piece
        return said


CHILD: Final = Child()
"""One for the whole process: its start is what costs."""
