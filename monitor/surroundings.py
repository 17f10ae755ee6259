"""What the traffic around a change says of it: by what the model was served, and of how answers are worded, which words came and went."""

from __future__ import annotations

from datetime import datetime

from monitor.drift.kinds import TEXT
from monitor.drift.served import with_served
from monitor.drift.words import with_words
from monitor.model.values import Finding
from monitor.store.answers_around import answers_around
from monitor.store.fingerprints import served
from monitor.store.reads import Reader
from monitor.streams import WORDED


def with_traffic(finding: Finding, reader: Reader, now: datetime) -> Finding:
    """Return a finding with how the model was served as its cause, where that changed with the metric; of texts, with the words."""
    around = reader, finding.app, finding.since_low, finding.since_high, now
    known = served(*around)
    told = with_served(finding, known.before, known.since, known.began)
    if not finding.metric.startswith(TEXT):
        return told
    before, since = answers_around(*around, WORDED)
    return with_words(told, before.iter_rows(), since.iter_rows())
