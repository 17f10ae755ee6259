"""Who changed when the rate of a rule did that judges decide: the judge, the application, or both; as far as known items can tell.

Known items say what a judge finds of violations (`hit`) and of answers that keep the rule (`miss`), before and since. With that a change of
the judge alone moves the rate from q to r1 * hit since + (1 - r1) * miss since, where r1 is the share of violations that q stands for. What moved
beyond that is the application's. Known items are not the traffic, so this is told with its numbers and no more exactly than they bear.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

from monitor.drift.cause import NOTHING
from monitor.drift.finding_sentences import HOW, WHO
from monitor.drift.judges import cause_of
from monitor.model.values import Finding
from monitor.wording import percent

SURE: Final = 2.6
"""Standard errors at which something is taken to have moved: one comparison in a hundred errs."""

LEAST: Final = 20
"""Known items of a label, before and since, that are needed to say anything."""

Who = Literal["judge", "application", "both", "unknown"]

SAID: Final[dict[Who, str]] = {
    "judge": "the judge {0} changed, not the application",
    "application": "the application changed, not the judge {0}, which says of known items what it said before",
    "both": "the judge {0} changed, and the application as well",
    "unknown": "whether the application changed or the judge {0} cannot be told yet",
}
"""What a finding says of who changed."""


@dataclass(frozen=True)
class Share:
    """So many of `n` known items of which the judge said that they violate."""

    bad: float
    n: int

    @property
    def value(self) -> float:
        """The share; half of an item is added on each side, so that none is certain."""
        return (self.bad + 0.5) / (self.n + 1)

    @property
    def variance(self) -> float:
        """The variance of the share."""
        return self.value * (1 - self.value) / (self.n + 1)


@dataclass(frozen=True)
class Record:
    """What a judge said of known items before a change and since: of violations (`hits`), and of answers that keep the rule."""

    judge: str
    hits: tuple[Share, Share]
    alarms: tuple[Share, Share]

    @property
    def enough(self) -> bool:
        """Whether there are known items of some label on both sides of the change."""
        return any(min(before.n, since.n) >= LEAST for before, since in (self.hits, self.alarms))


@dataclass(frozen=True)
class Blame:
    """Who changed, and what known items say, in words."""

    who: Who
    judge: str
    said: str


def moved(sides: tuple[Share, Share]) -> float:
    """Return by how many standard errors a share moved."""
    before, since = sides
    if min(before.n, since.n) < LEAST:
        return 0.0
    both = Share(before.bad + since.bad, before.n + since.n).value
    error = math.sqrt(both * (1 - both) * (1 / before.n + 1 / since.n))
    return (since.bad / since.n - before.bad / before.n) / error


def blame(finding: Finding, record: Record, *, found: bool = False) -> Blame:
    """Return who changed; `found`: the detector on known items says already that the judge did, at that time."""
    if not record.enough:
        n = record.hits[1].n + record.alarms[1].n
        return Blame("unknown", record.judge, f"since then it was asked about {n} known items, which is too few")
    judge = found or max(abs(moved(record.hits)), abs(moved(record.alarms))) >= SURE
    alone = _beyond(finding, record) < SURE
    said = f"of known violations it finds {_told(record.hits)}, of other known answers it calls {_told(record.alarms)} violations"
    if judge:
        return Blame("judge" if alone else "both", record.judge, said)
    return Blame("unknown" if alone else "application", record.judge, said)


def _beyond(finding: Finding, record: Record) -> float:
    """By how many standard errors the rate moved beyond what the words on known items account for."""
    (h0, h1), (a0, a1) = record.hits, record.alarms
    power = h0.value - a0.value
    true = min(1.0, max(0.0, (finding.reference_value - a0.value) / power)) if power > 0 else 0.5
    explained = true * (h1.value - h0.value) + (1 - true) * (a1.value - a0.value)
    variance = true**2 * (h0.variance + h1.variance) + (1 - true) ** 2 * (a0.variance + a1.variance)
    own = (finding.change_high - finding.change_low) / (2 * 1.96)
    return abs(finding.change - explained) / math.sqrt(variance + own**2)


def _told(sides: tuple[Share, Share]) -> str:
    before, since = sides
    if not before.n or not since.n:
        return "an unknown share"
    return f"{percent(since.bad / since.n)} of {since.n}, before {percent(before.bad / before.n)} of {before.n}"


def blamed(finding: Finding, told: Blame) -> Finding:
    """Return the finding with who changed: in its reason, and where the judge did, as its cause."""
    said, how, evidence = finding.reason.partition(HOW)
    reason = f"{said.partition(WHO)[0]}{WHO}{SAID[told.who].format(told.judge)} ({told.said}){how}{evidence}"
    if told.who in {"application", "unknown"}:
        return replace(finding, reason=reason)
    beside = "" if finding.cause == NOTHING else f"; {finding.cause}"
    both = "; the application changed as well" if told.who == "both" and not beside else beside
    cause = finding.cause if finding.cause.startswith(cause_of(told.judge)) else f"{cause_of(told.judge)}{both}"
    return replace(finding, cause=cause, reason=reason)


def who_of(finding: Finding) -> Who | None:
    """Return who a finding says changed; None where it says nothing."""
    _, _, told = finding.reason.partition(WHO)
    return next((who for who, words in SAID.items() if words.partition("{0}")[2] in told), None) if told else None
