"""What the collector counts of itself, for Prometheus."""

from __future__ import annotations

from typing import Final

from collectors.intake import Intake

COUNTERS: Final = {
    "accepted": "Spans, log records and scores that were taken and are on the disk.",
    "rejected": "Single items of good bodies that were refused.",
    "refused": "Bodies that were refused for good: unreadable, too large, unsupported, without a key.",
    "turned_away": "Bodies that were told to come back later: no room for them, or disk full.",
    "unauthorized": "Requests without a key, or with one that is not known.",
    "misdirected_http": "HTTP/1.1 clients at the gRPC port.",
    "misdirected_grpc": "gRPC clients at the HTTP port.",
    "misdirected_tls": "TLS clients at a port that is plain text.",
    "groups": "Groups of bodies written with one sync.",
}

HELD: Final = "plumbline_collector_held_bytes"


def exposition(intake: Intake) -> str:
    """Return the counters of `intake` in the Prometheus text format."""
    failed = intake.redactor.failed if intake.redactor else 0
    rows = [(name, says, intake.counters[name]) for name, says in COUNTERS.items()]
    rows.append(("redaction_failed", "Fields that could not be redacted and were dropped.", failed))
    lines = []
    for name, says, count in rows:
        full = f"plumbline_collector_{name}_total"
        lines += [f"# HELP {full} {says}", f"# TYPE {full} counter", f"{full} {count}"]
    lines += [f"# HELP {HELD} Bytes of bodies in flight.", f"# TYPE {HELD} gauge", f"{HELD} {intake.room.used}"]
    return "\n".join([*lines, ""])
