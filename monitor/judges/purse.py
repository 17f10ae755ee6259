"""What one judge may still take today: reserved before a call leaves, durable, and set right once it is known what it took."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
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
    rule: str = ""


@dataclass(frozen=True)
class Purse:
    """The budget of one judge. `price` is what its model costs; None where nobody knows."""

    state: ControlState
    judge: str
    ceiling: Ceiling
    price: Price | None
    rules: Mapping[str, int] = field(default_factory=dict)  # calls a day of rules that have a budget of their own

    def refusal(self, rule: str, now: datetime) -> tuple[str, str]:
        """Return why nothing may be spent on `rule`, in words, and whom that concerns: the rule, or "" where it is the judge."""
        if rule in self.rules:
            with self.state.transaction() as txn:
                spent = judge_spend.of_day(txn, day_of(now)).get(_of_rule(self.judge, rule), {"calls": 0})["calls"]
            if spent >= self.rules[rule]:
                return f"its budget of the day for {rule} is used up ({self.rules[rule]} calls)", rule
        return self._refusal(), ""

    def _refusal(self) -> str:
        if self.ceiling.usd is not None and self.price is None:
            return "the price of its model is not known, so its budget in dollars cannot be kept (prices: in plumbline.yaml)"
        usd = "" if self.ceiling.usd is None else f", {self.ceiling.usd:g} US dollars"
        return f"its budget of the day is used up ({self.ceiling.calls} calls{usd})"

    def reserve(self, prompt: Prompt, now: datetime, rule: str = "") -> Held | None:
        """Take the most that a call about `rule` can take off the budgets of the day; None, and nothing taken, where that is too much."""
        if self.ceiling.usd is not None and self.price is None:
            return None
        most = self._cost(len((prompt.system + prompt.user).encode()) + FRAME, REPLY_TOKENS)
        held = Held(day_of(now), most, rule if rule in self.rules else "")
        with suppress(_TooMuch), self.state.transaction() as txn:
            for name, ceiling in self._budgets(held):
                if not judge_spend.reserve(txn, name, held.day, held.most, ceiling):
                    raise _TooMuch
            return held
        return None

    def settle(self, held: Held, took: Cost) -> None:
        """Say what a call took."""
        with self.state.transaction() as txn:
            for name, _ in self._budgets(held):
                judge_spend.settle(txn, name, held.day, held.most, took)

    def _budgets(self, held: Held) -> list[tuple[str, Ceiling]]:
        """The budgets that a call is taken off: that of its judge, and that of its rule where it has one."""
        of_rule = [(_of_rule(self.judge, held.rule), Ceiling(self.rules[held.rule], None))] if held.rule else []
        return [(self.judge, self.ceiling), *of_rule]

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


class _TooMuch(Exception):
    """A budget does not hold it."""


def _of_rule(judge: str, rule: str) -> str:
    """Under what name a rule's own budget is kept; no name of a judge has a slash."""
    return f"{judge}/{rule}"


def ceiling_of(settings: JudgeSettings) -> Ceiling:
    """Return the budget of a judge."""
    return Ceiling(settings.budget.calls_per_day, settings.budget.usd_per_day)
