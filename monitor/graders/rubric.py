"""A model that judges by a rubric. It is asked beside the cycle (`monitor.judges`); here its rule is told to wait for it."""

from __future__ import annotations

from typing import ClassVar

from monitor.graders.grader import Judgement, Runner, Settings, Tools
from monitor.graders.runners import EachText
from monitor.model.values import Turn, Verdict


class Judge(Settings, frozen=True, tag="judge"):
    """Settings of a judge: which one is asked, its rubric, and the band of scores in which `escalate_to` is asked as well.

    `judge` is a name under `judges:` in plumbline.yaml; left out it is that of `defaults.judge`. `rubric` is a file beside the
    policy, or the text itself.
    """

    code: ClassVar[int] = 1
    rubric: str
    judge: str | None = None
    escalate_band: tuple[float, float] | None = None
    escalate_to: str | None = None

    def runner(self, tools: Tools) -> Runner:
        """Return a runner that abstains: what a judge has not said yet is `not_graded`, never a pass."""

        def abstain(_: str, turn: Turn) -> Judgement:
            return Judgement(Verdict.NOT_GRADED, None, tools.judges.word(self.judge, turn.app))

        return EachText(abstain)
