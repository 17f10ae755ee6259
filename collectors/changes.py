"""`POST /v1/changes`: what somebody did to an application, told by a deploy script: one object, a list, or {"changes": [...]}."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from collectors.answers import HttpAnswer, told
from collectors.batch import Batch
from collectors.decode import Media, Outcome
from collectors.decode.json_bodies import parsed
from collectors.decode.occurrences import key_of
from collectors.decode.requests import RequestItem
from collectors.scores.draft import Unfit, moment, objects
from monitor.model.rows import CHANGE_KINDS

SOURCE: Final = "changes"
KNOWN: Final = ("id", "kind", "app", "what", "source", "time")
LONGEST: Final = {"id": 500, "kind": 40, "app": 200, "what": 300, "source": 100}


def decode_changes(body: bytes, _: Media, batch: Batch, received_us: int) -> Outcome:
    """Append the changes of a request. Raises `BadBody` when it is neither an object nor a list."""
    request = parsed(body, "a list of changes")
    if isinstance(request, dict):
        request = request.get("changes", [request])
    items: list[RequestItem] = []
    for item in objects(request, "changes"):
        try:
            row = _row(item, received_us)
        except Unfit as unfit:
            items.append(RequestItem("", str(unfit)))
        else:
            batch.add("changes", **row, received_at=received_us, source=SOURCE)
            items.append(RequestItem(str(row["key"]), None))
    reasons = Counter(item.reason for item in items if item.reason is not None)
    for reason, count in reasons.items():
        batch.add("refusals", time=received_us, source=SOURCE, received=count, reason=reason)
    said = "; ".join(f"{reason} ({count})" for reason, count in reasons.items())
    return Outcome(len(items) - reasons.total(), reasons.total(), said, tuple(items))


def reply(outcome: Outcome) -> HttpAnswer:
    """Return how many were taken, and which were not and why."""
    rejected = [
        {"index": index, "reason": item.reason} for index, item in enumerate(outcome.items) if item.reason is not None
    ]
    return told({"accepted": outcome.accepted, "rejected": rejected})


def _row(item: Any, received: int) -> dict[str, Any]:
    if not isinstance(item, dict):
        raise Unfit("a change must be an object")
    if not item.keys() <= set(KNOWN):
        raise Unfit(f"unknown field (known: {', '.join(KNOWN)})")
    given = {name: _text(item, name) for name in LONGEST}
    if given["kind"] not in CHANGE_KINDS:
        raise Unfit(f"kind must be one of {', '.join(CHANGE_KINDS)}")
    if given["what"] is None:
        raise Unfit("a change needs what was changed")
    at = moment(item.get("time"))
    identity = (given["id"],) if given["id"] else (given["kind"], given["app"], given["what"], at or received)
    return {
        "key": key_of("change", *identity),
        "time": received if at is None else at,
        "kind": given["kind"],
        "app": given["app"],
        "what": given["what"],
        "told_by": given["source"],
    }


def _text(item: dict[str, Any], name: str) -> str | None:
    value = item.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > LONGEST[name]:
        raise Unfit(f"{name} must be text of at most {LONGEST[name]} characters")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in value).split()) or None
