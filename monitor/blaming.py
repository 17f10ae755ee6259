"""Who changed when the rate of a rule did that judges decide: found out from what they said of known items around that time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from monitor.clock import naive_utc
from monitor.drift.blame import Blame, Record, Share, blame, blamed, who_of
from monitor.drift.finding_sentences import WHO
from monitor.drift.judges import CAUSE
from monitor.judges.versions import members_of
from monitor.model.values import Finding
from monitor.steps import House, makers_of_rates
from monitor.store import known, outcomes, reads

BEFORE: Final = timedelta(days=60)
"""What was said of known items longer ago is not compared with."""

OPEN_FOR: Final = timedelta(days=14)
"""Who is to blame for a change is looked at again for so long."""

_ORDER: Final = ("both", "judge", "unknown", "application")


def with_blame(house: House, finding: Finding) -> Finding:
    """Return a finding about a rule that judges decide with who changed; any other as it is."""
    kind, _, rule = finding.metric.partition(":")
    judges = makers_of_rates(house).get(rule, frozenset()) if kind == "rule" else frozenset()
    if not judges:
        return finding
    told = [_blame(house, finding, rule, judge) for judge in sorted(judges)]
    return blamed(finding, min(told, key=lambda one: _ORDER.index(one.who)))


def blamed_again(house: House) -> list[Finding]:
    """Return the open findings of which something else can be told now than when they were found, or told last."""
    now = naive_utc(house.clock.now())
    rows = reads.recent_findings(house.store, now - OPEN_FOR).filter(
        (pl.col("state") == "open")
        & pl.col("metric").str.starts_with("rule:")
        & pl.col("reason").str.contains(WHO, literal=True)
    )
    before = [outcomes.finding_of(row) for row in rows.iter_rows(named=True)]
    after = [with_blame(house, finding) for finding in before]
    return [new for old, new in zip(before, after, strict=True) if _settles(old, new)]


def _settles(old: Finding, new: Finding) -> bool:
    """Whether more is known now: what was said of who changed stands until a change of the judge at that time is found."""
    by_judge = new.cause.startswith(CAUSE) and not old.cause.startswith(CAUSE)
    return who_of(new) not in {who_of(old), "unknown"} and (who_of(old) == "unknown" or by_judge)


def _blame(house: House, finding: Finding, rule: str, judge: str) -> Blame:
    """Compare what a judge said of known items before it was asked about the first turn of the change, and after."""
    low, high = naive_utc(finding.since_low), naive_utc(finding.since_high)
    first, sure = known.asked_from(house.store, rule, finding.app, members_of(judge, house.settings.judges), low, high)
    begun, since = first or low, sure or first or high
    changes = known.changes(house.store, judge)
    words = _between_changes(known.words(house.store, judge, begun - BEFORE), changes, begun, since)
    found = any(low < since and begun < high for low, high in changes)
    return blame(finding, record_of(judge, words, begun, since), found=found)


def _between_changes(
    words: pl.DataFrame, changes: Sequence[tuple[datetime, datetime]], begun: datetime, since: datetime
) -> pl.DataFrame:
    """Leave out what a judge said before it changed earlier, or after it changed later, than the change that is looked at."""
    after = max((high for _, high in changes if high <= begun), default=None)
    until = min((low for low, _ in changes if low >= since), default=None)
    words = words if after is None else words.filter(pl.col("time") >= after)
    return words if until is None else words.filter(pl.col("time") <= until)


def record_of(judge: str, words: pl.DataFrame, begun: datetime, since: datetime) -> Record:
    """Return what `words` (time, known, bad) on known items were before a change had begun, and since it surely had."""
    sides = (words.filter(pl.col("time") < begun), words.filter(pl.col("time") >= since))
    hits, alarms = (tuple(_share(side, label) for side in sides) for label in ("violates", "complies"))
    return Record(judge, (hits[0], hits[1]), (alarms[0], alarms[1]))


def _share(words: pl.DataFrame, label: str) -> Share:
    bad = words.filter(pl.col("known") == label)["bad"]
    return Share(float(bad.sum()), len(bad))
