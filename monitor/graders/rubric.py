"""A model that judges by a rubric. Policies may name it already; until judges are connected it grades nothing."""

from __future__ import annotations

from typing import ClassVar

from monitor.graders.grader import Judgement, Runner, Settings, Tools
from monitor.graders.runners import EachText
from monitor.model.values import Turn, Verdict


class Judge(Settings, frozen=True, tag="judge"):
    """Settings of a judge: its rubric, and the band of scores in which `escalate_to` is asked as well."""

    code: ClassVar[int] = 1
    rubric: str
    escalate_band: tuple[float, float] | None = None
    escalate_to: str | None = None

    def runner(self, tools: Tools) -> Runner:  # noqa: ARG002 nobody is connected that could be asked
        """Return a runner that abstains: a judge that was not asked is `not_graded`, never a pass."""
        return EachText(_abstain)


def _abstain(_: str, __: Turn) -> Judgement:
    return Judgement(Verdict.NOT_GRADED, None, "no judge is connected")
