"""A model that judges by a rubric. Policies may name it already; until judges are connected it grades nothing."""

from __future__ import annotations

from typing import ClassVar

from monitor.graders.grader import Judgement, Settings
from monitor.model.values import Turn, Verdict


class Judge(Settings, frozen=True, tag="judge"):
    """Settings of a judge: its rubric, and the band of scores in which `escalate_to` is asked as well."""

    code: ClassVar[int] = 1
    rubric: str
    escalate_band: tuple[float, float] | None = None
    escalate_to: str | None = None

    def grade(self, turn: Turn) -> Judgement:  # noqa: ARG002 every grader is handed the turn
        """Abstain: a judge that was not asked is `not_graded`, never a pass."""
        return Judgement(Verdict.NOT_GRADED, None, "no judge is connected")
