"""What the traffic around a change says of it: by what the model was served, another mix, and of how answers are worded, which words came and went."""

from __future__ import annotations

from collections.abc import Sequence
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


def with_traffic(findings: Sequence[Finding], reader: Reader, now: datetime, zone: str) -> list[Finding]:
    """Return findings with what the turns around them say, `zone` being whose week they follow; a cause that is known keeps its words."""
    told: list[Finding] = []
    for finding in findings:
        one = _with_traffic(finding, reader, now, zone)
        before = [*causes_around(reader, one), *(other.cause for other in told if other.app == one.app)]
        told.append(as_told_before(one, before))
    return told


def _with_traffic(finding: Finding, reader: Reader, now: datetime, zone: str) -> Finding:
    around = reader, finding.app, finding.since_low, finding.since_high, now
    known = served(*around)
    by_server = with_served(finding, known.before, known.since, known.began)
    told = with_mix(by_server, values_around(reader, finding), zone)
    if not finding.metric.startswith(TEXT):
        return told
    before, since = answers_around(*around, WORDED)
    return with_words(told, before.iter_rows(), since.iter_rows())
