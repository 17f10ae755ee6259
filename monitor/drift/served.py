"""Who served a model, as its provider tells it (a fingerprint): the cause of a change that no name of a model shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from monitor.drift.cause import AT_ONCE, NOTHING, SHIFTED, plain_name
from monitor.model.values import Finding
from monitor.wording import percent

ENOUGH: Final = 20
"""Calls with a fingerprint, before and since, that are needed to say how they were served."""


def with_served(
    finding: Finding, before: Mapping[str, int], since: Mapping[str, int], began: Mapping[str, datetime]
) -> Finding:
    """Return the finding with a shift of fingerprints as its cause, or beside the causes it has.

    `before` and `since` count calls by fingerprint; `began` is when each was seen first. A model that changed is served by
    others, so that beside one its fingerprint is no cause of its own.
    """
    told = _shift(before, since, began)
    if told is None or "model changed" in finding.cause or finding.cause.startswith("model "):
        return finding
    if finding.cause == NOTHING:
        return replace(finding, cause=told)
    return replace(finding, cause=f"{finding.cause.removesuffix(AT_ONCE)}; {told}{AT_ONCE}")


def _shift(before: Mapping[str, int], since: Mapping[str, int], began: Mapping[str, datetime]) -> str | None:
    if min(sum(before.values()), sum(since.values())) < ENOUGH:
        return None
    old, new = ({name: n / sum(side.values()) for name, n in side.items()} for side in (before, since))
    gains = {name: share - old.get(name, 0.0) for name, share in new.items()}
    if sum(gain for gain in gains.values() if gain > 0) < SHIFTED:
        return None
    grown = max(gains, key=lambda name: gains[name])
    day = f" on {began[grown]:%Y-%m-%d}" if grown in began and grown not in old else ""
    return (
        f"the model was served otherwise: fingerprint {plain_name(grown)} went from {percent(old.get(grown, 0.0))} to "
        f"{percent(new[grown])} of calls{day}"
    )
