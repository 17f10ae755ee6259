"""A request body -> rows: the two entry points of decoding."""

from __future__ import annotations

from collections import Counter
from typing import Final, Literal, NamedTuple

from collectors.batch import Batch
from collectors.decode import otlp_json, protobuf
from collectors.decode.logs import add_logs
from collectors.decode.spans import add_spans
from collectors.dialects.table import Table, table

Media = Literal["protobuf", "json"]


class RequestItem(NamedTuple):
    """What became of one item of a body: the id to answer with, and why it was refused, if it was."""

    id: str
    reason: str | None


class Outcome(NamedTuple):
    """What became of a good body: for the partial-success answer of OTLP, or item by item where the protocol asks for it."""

    accepted: int
    rejected: int
    message: str
    items: tuple[RequestItem, ...] = ()


SPANS_IN: Final = {"protobuf": protobuf.span_groups, "json": otlp_json.span_groups}
LOGS_IN: Final = {"protobuf": protobuf.log_groups, "json": otlp_json.log_groups}


def decode_traces(body: bytes, media: Media, batch: Batch, received_us: int, rules: Table | None = None) -> Outcome:
    """Append the spans of a trace export request to `batch`.

    `received_us` is now, in microseconds UTC. Bad spans in a good body are counted, not kept. Raises `BadBody` when the
    body cannot be parsed, and then leaves the batch as it was.
    """
    return _outcome("spans", *add_spans(SPANS_IN[media](body), table() if rules is None else rules, batch, received_us))


def decode_logs(body: bytes, media: Media, batch: Batch, received_us: int, rules: Table | None = None) -> Outcome:
    """Append the events and scores of a log export request to `batch`; the same terms as `decode_traces`."""
    return _outcome(
        "log records", *add_logs(LOGS_IN[media](body), table() if rules is None else rules, batch, received_us)
    )


def _outcome(what: str, accepted: int, refused: Counter[str]) -> Outcome:
    rejected = refused.total()
    reasons = "; ".join(f"{reason} ({count})" for reason, count in refused.items())
    return Outcome(accepted, rejected, f"{rejected} {what} refused: {reasons}" if rejected else "")
