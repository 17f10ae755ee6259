"""Azure API Management's LLM log (`ApiManagementGatewayLlmLog`): requests and answers in numbered pieces of 32 KB.

Rows of one `CorrelationId` are one call. They come out of Log Analytics (columns) or of a storage account (`properties`), in any order; a
number that is missing, or JSON that does not end, makes the call flagged `truncated`, never dropped. Source:
learn.microsoft.com/azure/api-management, "log LLM APIs", and the table reference of Azure Monitor.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from collectors.decode.loose_json import load
from collectors.importers.ids import span_id_of, trace_id_of
from collectors.importers.instants import nanoseconds
from collectors.importers.readers import ImportItem
from collectors.importers.record import BadRecord, Origin, RecordSpan, Row, Told, first, mapping, number, said

KEYS: Final = {
    "TimeGenerated": "time",
    "time": "time",
    "CorrelationId": "trace_id",
    "SequenceNumber": "order of the pieces",
    "ModelName": "response_model",
    "DeploymentName": "request_model",
    "PromptTokens": "input_tokens",
    "CompletionTokens": "output_tokens",
    "IsStreamCompletion": "stream",
    "RequestMessages": "input_messages",
    "ResponseMessages": "output_messages",
    "OperationName": "kept",
    "Region": "kept",
    "RequestId": "kept",
    "properties": "all of these",
    "ApiId": "app",
}

CHARS_HELD: Final = 200_000_000
"""Characters of unfinished calls that are held at a time; beyond it the oldest are closed as they are."""

PIECES: Final = "_pieces"
NESTED: Final = "properties"


def looks(record: Mapping[str, Any]) -> bool:
    """Tell a row of the log."""
    keys = _plain(record).keys()
    return {"correlationid", "sequencenumber"} <= keys or str(record.get("category")) == "GatewayLlmLogs"


def _plain(record: Mapping[str, Any]) -> Row:
    """Return one flat row with lower-case names: the two ways of export differ in case and nesting only."""
    flat = {**record, **mapping(record.get(NESTED))}
    return {str(key).lower(): value for key, value in flat.items()}


def pairs(item: ImportItem) -> Iterator[tuple[str, Any]]:
    """Yield the columns of a row as they are written, nested ones too."""
    for key, value in (item.record or {}).items():
        inner = mapping(value) if key == NESTED else {}
        yield from ((f"{NESTED}.{name}", held) for name, held in inner.items()) if inner else [(str(key), value)]


def spelled(key: str) -> str:
    """Return a column as `KEYS` has it, whichever way of export wrote it.

    >>> spelled("properties.promptTokens")
    'PromptTokens'
    """
    plain = key.removeprefix(f"{NESTED}.").lower()
    return next((known for known in KEYS if known.lower() == plain), key)


def gather(items: Iterator[ImportItem]) -> Iterator[ImportItem]:
    """Turn rows into calls: one record a `CorrelationId`, at the position of its first row. Items without one pass through."""
    held: dict[str, tuple[int, list[Row]]] = {}
    size = 0
    for item in items:
        row = _plain(item.record or {})
        call = said(row.get("correlationid"))
        if call is None:
            yield item
            continue
        held.setdefault(call, (item.position, []))[1].append(row)
        size += _length(row)
        while size > CHARS_HELD and len(held) > 1:
            oldest = next(iter(held))
            size -= sum(map(_length, held[oldest][1]))
            yield _whole(*held.pop(oldest))
    for position, rows in held.values():
        yield _whole(position, rows)


def _length(row: Row) -> int:
    return sum(
        len(value) for name in ("requestmessages", "responsemessages") if isinstance(value := row.get(name), str)
    )


def _whole(position: int, rows: list[Row]) -> ImportItem:
    return ImportItem(position, {PIECES: rows})


def tell(record: Mapping[str, Any], _origin: Origin) -> Told:
    """Return the call that gathered rows are pieces of."""
    pieces = record.get(PIECES)
    if not pieces:
        raise BadRecord("`CorrelationId` is missing")
    rows, whole = _ordered(pieces)
    asked, cut_question = _joined([row.get("requestmessages") for row in rows])
    answer, cut_answer = _joined([row.get("responsemessages") for row in rows])
    call = str(rows[0]["correlationid"])
    times = [time for row in rows if (time := nanoseconds(row.get("timegenerated") or row.get("time")))]
    step = RecordSpan(
        trace_id=trace_id_of(call),
        span_id=span_id_of(call),
        name=f"chat {_any(rows, 'deploymentname', 'modelname') or ''}".strip(),
        start_ns=min(times, default=0),
        end_ns=0,
        attributes=_call(rows, asked, answer),
        flags=() if whole and not cut_question and not cut_answer else ("truncated",),
    )
    return Told([step], resource={"service.name": _any(rows, "apiid")})


def _ordered(pieces: list[Row]) -> tuple[list[Row], bool]:
    """Return the rows in order, each number once, and whether none is missing. Numbering begins at 0 or at 1."""
    by_number: dict[int, Row] = {}
    for place, row in enumerate(pieces):
        found = number(row.get("sequencenumber"))
        by_number.setdefault(place if found is None else int(found), row)
    numbers = sorted(by_number)
    return [by_number[at] for at in numbers], numbers[0] <= 1 and numbers[-1] - numbers[0] == len(numbers) - 1


def _joined(values: list[Any]) -> tuple[Any, bool]:
    """Put the pieces of a JSON text together; return what it says, and whether it was cut off."""
    pieces = [value for value in values if value not in (None, "", [])]
    if not pieces:
        return None, False
    if not all(isinstance(piece, str) for piece in pieces):
        return _merged(pieces), False
    parsed = load("".join(pieces))
    apart = [load(piece) for piece in pieces]
    if len(pieces) > 1 and all(isinstance(one.value, list) and not one.truncated for one in apart):
        return _merged([one.value for one in apart]), False
    return parsed.value, parsed.truncated


def _merged(lists: list[Any]) -> list[Any]:
    """Join lists of messages; a message that goes on in the next piece has the same role there."""
    messages: list[Any] = []
    for piece in lists:
        listed = piece if isinstance(piece, list) else [piece]
        head, last = mapping(listed[0] if listed else None), mapping(messages[-1] if messages else None)
        goes_on = head.get("role") == last.get("role") and isinstance(last.get("content"), str)
        if messages and goes_on and isinstance(head.get("content"), str):
            messages[-1] = {**last, "content": last["content"] + head["content"]}
            listed = listed[1:]
        messages += listed
    return messages


def _call(rows: list[Row], asked: Any, answer: Any) -> Row:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "azure.ai.openai",
        "gen_ai.request.model": _any(rows, "deploymentname", "modelname"),
        "gen_ai.response.model": _any(rows, "modelname"),
        "gen_ai.response.id": first(mapping(answer).get("id")),
        "gen_ai.input.messages": asked,
        "gen_ai.output.messages": answer,
        "gen_ai.usage.input_tokens": _tokens(rows, "prompttokens"),
        "gen_ai.usage.output_tokens": _tokens(rows, "completiontokens"),
        "gen_ai.request.stream": True if str(_any(rows, "isstreamcompletion")).lower() == "true" else None,
        "azure.operation": _any(rows, "operationname"),
        "azure.region": _any(rows, "region"),
        "azure.request_id": _any(rows, "requestid"),
    }


def _any(rows: list[Row], *names: str) -> str | None:
    return first(*(row.get(name) for name in names for row in rows))


def _tokens(rows: list[Row], name: str) -> float | None:
    """Every piece repeats the count, or only one has it and the others say 0."""
    return max((found for row in rows if (found := number(row.get(name))) is not None), default=None)
