"""What one judge may still take today: reserved before a call leaves, durable, and set right once it is known what it took."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from monitor.config.schema import JudgeSettings, Price
from monitor.judges.question import Prompt
from monitor.judges.reply import Heard
from monitor.judges.transport import REPLY_TOKENS
from monitor.state import ControlState, judge_spend
from monitor.state.judge_spend import Ceiling, Cost, day_of

FREE: Final = Cost(0, 0.0)
FRAME: Final = 400
"""Tokens beside the texts: the schema of the reply, and what a service adds."""


@dataclass(frozen=True)
class Held:
    """What was reserved for one call, and the day it counts to."""

    day: str
    most: Cost


@dataclass(frozen=True)
class Purse:
    """The budget of one judge. `price` is what its model costs; None where nobody knows."""

    state: ControlState
    judge: str
    ceiling: Ceiling
    price: Price | None

    def refusal(self) -> str:
        """Return why nothing may be spent, in words."""
        if self.ceiling.usd is not None and self.price is None:
            return "the price of its model is not known, so its budget in dollars cannot be kept (prices: in plumbline.yaml)"
        usd = "" if self.ceiling.usd is None else f", {self.ceiling.usd:g} US dollars"
        return f"its budget of the day is used up ({self.ceiling.calls} calls{usd})"

    def reserve(self, prompt: Prompt, now: datetime) -> Held | None:
        """Take the most that a call can take off the budget of the day; None where that is too much."""
        if self.ceiling.usd is not None and self.price is None:
            return None
        held = Held(day_of(now), self._cost(len((prompt.system + prompt.user).encode()) + FRAME, REPLY_TOKENS))
        with self.state.transaction() as txn:
            taken = judge_spend.reserve(txn, self.judge, held.day, held.most, self.ceiling)
        return held if taken else None

    def settle(self, held: Held, took: Cost) -> None:
        """Say what a call took."""
        with self.state.transaction() as txn:
            judge_spend.settle(txn, self.judge, held.day, held.most, took)

    def taken(self, now: datetime) -> dict[str, float]:
        """Return what was taken today: calls, open (of which nobody knows what they took), tokens, usd."""
        with self.state.transaction() as txn:
            known = judge_spend.of_day(txn, day_of(now)).get(self.judge)
        return known or {"calls": 0, "open": 0, "tokens": 0, "usd": 0.0}

    def cost(self, heard: Heard, held: Held) -> Cost:
        """Return what an answered call took: by its own account, or, where it gives none, what was reserved."""
        if heard.input_tokens is None and heard.output_tokens is None:
            return held.most
        return self._cost(heard.input_tokens or 0, heard.output_tokens or 0)

    def usd(self, cost: Cost) -> float | None:
        """Return the money of a cost; None where no price is known."""
        return None if self.price is None else cost.usd

    def _cost(self, sent: int, said: int) -> Cost:
        """No token is less than a byte, so that a reservation by bytes is never too small."""
        usd = 0.0 if self.price is None else (sent * self.price.input + said * self.price.output) / 1e6
        return Cost(sent + said, usd)


def ceiling_of(settings: JudgeSettings) -> Ceiling:
    """Return the budget of a judge."""
    return Ceiling(settings.budget.calls_per_day, settings.budget.usd_per_day)
