"""What a grader is: settings that a policy holds, and the runner they make, which takes a batch of answers to verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import ClassVar, Final, Protocol, runtime_checkable

import msgspec

from monitor.clock import Clock
from monitor.config.schema import Section
from monitor.graders.answers import Answers
from monitor.model.values import WAITS_FOR_JUDGE, Verdict, stable_id


@dataclass(frozen=True)
class Judgement:
    """One grader's word on one turn. `score` in [0, 1] is its belief that the rule is violated, not how bad that is.

    `reason` is stored and shown: it names kind, place and amount of what was found, never the found text itself. `span` is where
    in the output it stands, for those who may read the output anyway.
    """

    verdict: Verdict
    score: float | None
    reason: str
    span: tuple[int, int] | None = None


class Client(Protocol):
    """What a runner asks somebody else through. Raises what its transport raises; the cascade turns that into `not_graded`."""

    def ask(self, question: str) -> str:
        """Return the answer to `question`."""


class Budget(Protocol):
    """How much may be asked of somebody else."""

    def reserve(self, grader: str) -> bool:
        """Take one call off what is left for `grader`, before it is made; False when nothing is left."""


EVERYWHERE: Final = "*"


@dataclass(frozen=True)
class Connected:
    """The judges that can be asked, later and elsewhere, and the applications whose texts may leave to them."""

    names: AbstractSet[str] = frozenset()
    apps: AbstractSet[str] = frozenset()

    def word(self, judge: str | None, app: str) -> str:
        """Return why `judge` has not said anything of a turn of `app` yet."""
        if judge not in self.names:
            return "no judge is connected" if not self.names else f"no judge named {judge} is connected"
        if not self.may_leave(app):
            return f"texts of {app or 'an application without a name'} may not leave to a judge (judge_texts)"
        return f"{WAITS_FOR_JUDGE}{judge}"

    def may_leave(self, app: str) -> bool:
        """Return whether texts of `app` may be sent to a judge."""
        return app in self.apps or EVERYWHERE in self.apps


@dataclass(frozen=True)
class Tools:
    """What a runner may use besides the answers. Local graders use none of it; without a client nobody else is asked."""

    clock: Clock
    client: Client | None = None
    budget: Budget | None = None
    judges: Connected = Connected()


class Runner(Protocol):
    """A grader made ready for use."""

    def judge(self, answers: Answers) -> Sequence[Judgement]:
        """Return one judgement an answer, in order; of what was not captured `cannot_judge`, never `complies`."""


@runtime_checkable
class WithoutOutput(Protocol):
    """A runner that needs no output: what users wrote and what tools did stands without one."""

    without_output: ClassVar[bool]


class Grader(Protocol):
    """Settings: a frozen value that can be written into a policy file."""

    code: ClassVar[int]
    """Raised whenever the same settings may give another verdict than before."""

    def runner(self, tools: Tools) -> Runner:
        """Return the runner that judges by these settings."""


class Settings(Section, frozen=True, tag_field="use", omit_defaults=True):
    """Base of all graders: a block of a policy file whose `use` names the family.

    Settings left at their default do not count into a version: a newer Plumbline with one more setting judges as before.
    """

    wants_tools: ClassVar[bool] = False
    """Whether turns have to be read with the tools they called and what was retrieved."""

    @property
    def looks_at(self) -> frozenset[str]:
        """The surfaces that are judged; a rule about others asks somebody else."""
        return frozenset({"output"})


NO_OUTPUT: Final = Judgement(
    Verdict.CANNOT_JUDGE, None, "no output was captured; switch content capture on to grade it"
)


def complies(reason: str, score: float = 0.0) -> Judgement:
    """Return the verdict of a grader that looked and found nothing."""
    return Judgement(Verdict.COMPLIES, score, reason)


def violates(reason: str, score: float = 1.0, span: tuple[int, int] | None = None) -> Judgement:
    """Return the verdict of a grader that found what the rule forbids, or misses what it asks for."""
    return Judgement(Verdict.VIOLATES, score, reason, span)


def cannot_judge(reason: str) -> Judgement:
    """Return the verdict of a grader that looked and knows that it cannot tell."""
    return Judgement(Verdict.CANNOT_JUDGE, None, reason)


def kind_of(grader: Grader) -> str:
    """Return the name under which policies know the family of `grader`."""
    return str(msgspec.to_builtins(grader)["use"])


def version_of(grader: Grader) -> str:
    """Return 16 hex digits that change whenever `grader` might judge differently: by its settings or by its code."""
    return stable_id(msgspec.json.encode(grader, order="deterministic").decode(), grader.code)
