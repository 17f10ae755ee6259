"""What Langfuse clients say beside OTLP: scores, events of the older ingestion API, media.

Scores are kept. Everything else is answered so that a client neither fails nor tries again for ever, and never as if it
had been stored.
"""

from __future__ import annotations

from typing import Any, Final

from collectors.answers import HttpAnswer, told
from collectors.batch import Batch
from collectors.decode import Media, Outcome
from collectors.decode.json_bodies import parsed
from collectors.scores.draft import Draft, Unfit, add_all, objects

SOURCE: Final = "langfuse scores"
EVENTS: Final = frozenset(
    f"{kind}-{verb}"
    for kind in ("trace", "span", "generation", "observation", "event")
    for verb in ("create", "update")
) | {"sdk-log"}
MEDIA_ID_CHARS: Final = 22


def decode_scores(body: bytes, _: Media, batch: Batch, received_us: int) -> Outcome:
    """Append the scores of `/api/public/scores`: one object or a list. Raises `BadBody`."""
    request = parsed(body, "Langfuse scores")
    listed = [request] if isinstance(request, dict) else objects(request, "Langfuse scores")
    return add_all(((_id_of(item), _draft(item)) for item in listed), batch, received_us, SOURCE)


def decode_events(body: bytes, _: Media, batch: Batch, received_us: int) -> Outcome:
    """Append the scores among the events of `/api/public/ingestion`; other events are refused one by one."""
    request = parsed(body, "a Langfuse ingestion batch")
    events = objects(request.get("batch") if isinstance(request, dict) else None, "a Langfuse ingestion batch")
    return add_all(((_id_of(event), _of_event(event)) for event in events), batch, received_us, SOURCE)


def _of_event(event: Any) -> Draft | Unfit:
    kind = event.get("type") if isinstance(event, dict) else None
    if kind == "score-create":
        return _draft(event.get("body"))
    name = kind if isinstance(kind, str) and kind in EVENTS else "this kind of event"
    return Unfit(f"{name} is not supported: only score-create is (send traces over OTLP to /api/public/otel)")


def _draft(item: Any) -> Draft | Unfit:
    if not isinstance(item, dict):
        return Unfit("a score must be an object")
    value = item.get("value")
    return Draft(
        id=item.get("id"),
        name=item.get("name"),
        value=None if isinstance(value, str) else value,
        label=value if isinstance(value, str) else item.get("stringValue"),
        comment=item.get("comment"),
        time=item.get("timestamp"),
        metadata=item.get("metadata"),
        targets={
            "trace_id": item.get("traceId"),
            "span_id": item.get("observationId"),
            "session_id": item.get("sessionId"),
            "environment": item.get("environment"),
        },
    )


def _id_of(item: Any) -> str:
    found = item.get("id") if isinstance(item, dict) else None
    return found if isinstance(found, str) else ""


def score_reply(outcome: Outcome) -> HttpAnswer:
    """Return the id of a single score, or what became of each of several."""
    if len(outcome.items) == 1:
        (item,) = outcome.items
        if item.reason is not None:
            return told({"message": item.reason, "error": "InvalidRequestError"}, 400)
        return told({"id": item.id})
    answer = events_reply(outcome)
    return answer if outcome.rejected else HttpAnswer(200, answer.body)


def events_reply(outcome: Outcome) -> HttpAnswer:
    """Return 207 with what became of each event."""
    return told(
        {
            "successes": [{"id": item.id, "status": 201} for item in outcome.items if item.reason is None],
            "errors": [
                {"id": item.id, "status": 400, "message": item.reason, "error": item.reason}
                for item in outcome.items
                if item.reason is not None
            ],
        },
        207,
    )


def media_reply(body: bytes) -> HttpAnswer:
    """Return the id of a medium without a place to upload it to, which clients take for "is there already"."""
    request = parsed(body, "a media request")
    digest = request.get("sha256Hash") if isinstance(request, dict) else None
    name = digest if isinstance(digest, str) else "none"
    return told({"mediaId": name.replace("+", "-").replace("/", "_")[:MEDIA_ID_CHARS], "uploadUrl": None})


HEALTH: Final = {"status": "OK", "version": "3.0.0"}
PROJECTS: Final = {
    "data": [
        {
            "id": "plumbline",
            "name": "plumbline",
            "organization": {"id": "plumbline", "name": "plumbline"},
            "metadata": {},
            "retentionDays": None,
        }
    ]
}
"""What the auth check of the SDKs asks for."""
