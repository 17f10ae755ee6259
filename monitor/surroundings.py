"""What the traffic around a change says of it: by what the model was served, another mix, and of how answers are worded, which words came and went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitor.drift.cause import as_told_before
from monitor.drift.kinds import TEXT
from monitor.drift.mix import with_mix
from monitor.drift.served import with_served
from monitor.drift.words import with_words
from monitor.model.values import Finding
from monitor.store.answers_around import answers_around
from monitor.store.fingerprints import served
from monitor.store.outcomes import causes_around
from monitor.store.reads import Reader
from monitor.store.valued import values_around
from monitor.streams import WORDED


@dataclass(frozen=True)
class Looked:
    """As of when turns are looked at, in which time zone their weeks are, and the verdicts of which policies (hashes) count; None: all."""

    now: datetime
    zone: str
    policies: Sequence[str] | None = None


def with_traffic(findings: Sequence[Finding], reader: Reader, looked: Looked) -> list[Finding]:
    """Return findings with what the turns around them say; a cause that is known keeps its words."""
    told: list[Finding] = []
    for finding in findings:
        one = _with_traffic(finding, reader, looked)
        before = [*causes_around(reader, one), *(other.cause for other in told if _at_once(other, one))]
        told.append(as_told_before(one, before))
    return told


def _at_once(one: Finding, other: Finding) -> bool:
    """Whether two changes are of one application, and may have begun together."""
    return one.app == other.app and one.since_low <= other.since_high and one.since_high >= other.since_low


def _with_traffic(finding: Finding, reader: Reader, looked: Looked) -> Finding:
    around = reader, finding.app, finding.since_low, finding.since_high, looked.now
    known = served(*around)
    by_server = with_served(finding, known.before, known.since, known.began)
    told = with_mix(by_server, values_around(reader, finding, looked.policies), looked.zone)
    if not finding.metric.startswith(TEXT):
        return told
    before, since = answers_around(*around, WORDED)
    return with_words(told, before.iter_rows(), since.iter_rows())
