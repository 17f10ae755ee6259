"""`POST /v1/scores`: our own JSON. One object, a list of them, or {"scores": [...]}."""

from __future__ import annotations

from typing import Any, Final

from collectors.answers import HttpAnswer, told
from collectors.batch import Batch
from collectors.decode import Media, Outcome
from collectors.decode.json_bodies import parsed
from collectors.scores.draft import TARGETS, Draft, Unfit, add_all, objects

SOURCE: Final = "scores"
KNOWN: Final = frozenset(
    {"id", "name", "value", "label", "comment", "source", "time", "metadata", "environment", *TARGETS}
)


def decode_scores(body: bytes, _: Media, batch: Batch, received_us: int) -> Outcome:
    """Append the scores of a request. Raises `BadBody` when it is neither an object nor a list."""
    request = parsed(body, "a list of scores")
    if isinstance(request, dict):
        request = request.get("scores", [request])
    return add_all((("", _draft(item)) for item in objects(request, "scores")), batch, received_us, SOURCE)


def _draft(item: Any) -> Draft | Unfit:
    if not isinstance(item, dict):
        return Unfit("a score must be an object")
    if not item.keys() <= KNOWN:
        return Unfit(f"unknown field (known: {', '.join(sorted(KNOWN))})")
    return Draft(
        id=item.get("id"),
        name=item.get("name"),
        value=item.get("value"),
        label=item.get("label"),
        comment=item.get("comment"),
        origin=item.get("source"),
        time=item.get("time"),
        metadata=item.get("metadata"),
        targets={name: item.get(name) for name in (*TARGETS, "environment")},
    )


def reply(outcome: Outcome) -> HttpAnswer:
    """Return how many were taken, and which were not and why; 200 whatever became of the single scores."""
    rejected = [
        {"index": index, "reason": item.reason} for index, item in enumerate(outcome.items) if item.reason is not None
    ]
    return told({"accepted": outcome.accepted, "rejected": rejected})
