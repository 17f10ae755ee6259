"""Annotations as Phoenix clients send them: {"data": [...]} to `/v1/span_annotations` and `/v1/trace_annotations`."""

from __future__ import annotations

from typing import Any, Final

from collectors.answers import HttpAnswer, told
from collectors.batch import Batch
from collectors.decode import Media, Outcome
from collectors.decode.json_bodies import parsed
from collectors.scores.draft import Draft, Unfit, add_all, objects

SOURCE: Final = "phoenix annotations"


def decode_annotations(body: bytes, _: Media, batch: Batch, received_us: int) -> Outcome:
    """Append the annotations of a request. Raises `BadBody`."""
    request = parsed(body, "Phoenix annotations")
    listed = objects(request.get("data") if isinstance(request, dict) else None, "Phoenix annotations")
    return add_all((("", _draft(item)) for item in listed), batch, received_us, SOURCE)


def _draft(item: Any) -> Draft | Unfit:
    if not isinstance(item, dict):
        return Unfit("an annotation must be an object")
    result = item.get("result")
    said: dict[str, Any] = result if isinstance(result, dict) else {}
    kind = item.get("annotator_kind")
    target, identifier = item.get("span_id") or item.get("trace_id"), item.get("identifier")
    return Draft(
        id=f"{target}/{item.get('name')}/{identifier}" if isinstance(identifier, str) and identifier else None,
        name=item.get("name"),
        value=said.get("score"),
        label=said.get("label"),
        comment=said.get("explanation"),
        origin=kind.lower() if isinstance(kind, str) else None,
        metadata=item.get("metadata") or None,
        targets={"trace_id": item.get("trace_id"), "span_id": item.get("span_id")},
        lone_span=True,  # Phoenix knows a span by its id alone
    )


def reply(outcome: Outcome) -> HttpAnswer:
    """Return the ids of what was taken; 422 when nothing was."""
    if outcome.rejected and not outcome.accepted:
        return told({"detail": outcome.message}, 422)
    return told({"data": [{"id": item.id} for item in outcome.items if item.reason is None]})
