"""Erasure inside the store: the rows go in one transaction, together with what keeps them from coming back.

What still has to be found in files is kept in `base.erasing` until it was: a kill in between repeats the search and loses nothing.
Rollups, estimates and the ledger stay: counts of many, with no id in them. An app that leaves takes those along too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import polars as pl

from monitor.store.ddl import BASE
from monitor.store.finishing.few_values import forget_values
from monitor.store.opening import Store, Transaction
from monitor.store.removal.erasure_scope import BOUNDED, NAMED, buried

Kind = Literal["user", "session", "trace", "app", "late"]
Ids = dict[str, frozenset[str]]

GONE: Final = "(erased)"
HEX: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
OURS: Final = ("tombstones", "erasing", "erasures", "retentions")
QUOTING: Final = (("findings", "examples"), ("findings", "reason"), ("findings", "cause"), ("trackers", "state"))
"""Where ids are told of outside the tables they belong to."""

BY_APP: Final = ("meters", "estimates", "findings", "rollup", "changes")
ARMS: Final = (
    "(app IN (SELECT id FROM base.erasing WHERE kind = 'app') OR (app IS NULL AND experiment IN "
    "(SELECT experiment FROM base.turns WHERE app IN (SELECT id FROM base.erasing WHERE kind = 'app'))))"
)
"""Experiments of an app, and those of before they were one of an app."""
SEGMENTS: Final = (
    "SELECT 'user_id=' || id FROM base.erasing WHERE kind = 'user' "
    "UNION ALL SELECT 'session_id=' || id FROM base.erasing WHERE kind = 'session'"
)
"""Who watches traffic by user or session has numbers of one person alone."""
PART: Final = "json_extract_string(TRY_CAST(stream AS JSON), '$[{}]')"
"""A part of the name of a stream: its metric, app and segment."""


@dataclass(frozen=True)
class Wanted:
    """Whose data goes: every way in which the store may have written down the id that was given."""

    kind: Kind
    forms: frozenset[str]


def erase_rows(store: Store, wanted: Wanted, key: bytes) -> dict[str, int]:
    """Delete the rows of `wanted`, leave tombstones (not for an app), open a record; return rows per table."""
    now = store.clock.now()
    with store.transaction() as txn:
        _want(txn, wanted.kind, wanted.forms)
        _follow(txn)
        removed = _delete(txn)
        if wanted.kind != "app":
            bury(txn, key, now, _ids(txn.frame("SELECT kind, id FROM base.erasing")))
        _record(txn, wanted.kind, now, removed)
    return removed


def erase_late(store: Store, key: bytes) -> dict[str, int]:
    """Delete what is named in `base.erasing` once more: traces that turned out to be erased when their user came late."""
    with store.transaction() as txn:
        removed = _delete(txn)
        if txn.read("SELECT 1 AS n FROM base.erasing WHERE kind = 'late'").num_rows:
            bury(txn, key, store.clock.now(), _ids(txn.frame("SELECT kind, id FROM base.erasing WHERE kind = 'trace'")))
        if not txn.read("SELECT 1 AS n FROM base.erasures WHERE finished_at IS NULL").num_rows:
            _record(txn, "late", store.clock.now(), removed)
    return removed


def want_late(txn: Transaction, taken: Mapping[str, pl.DataFrame]) -> None:
    """Note what was refused on loading: its other rows may be in the store, and its text is in the spool."""
    traces = {t for rows in taken.values() if "trace_id" in rows.columns for t in rows["trace_id"].drop_nulls()}
    _want(txn, "trace", traces)
    txn.execute("INSERT INTO base.erasing SELECT 'late', NULL")


def pending(store: Store) -> bool:
    """Whether an erasure has not reached every file yet."""
    return bool(
        store.read(
            "SELECT 1 AS n FROM base.erasing UNION ALL SELECT 1 FROM base.erasures WHERE finished_at IS NULL"
        ).num_rows
    )


def erasing(store: Store) -> Ids:
    """Return the ids that files must be searched for, by kind."""
    return _ids(store.frame("SELECT kind, id FROM base.erasing WHERE id IS NOT NULL"))


def searched(store: Store) -> None:
    """Forget the ids: every file was searched for them."""
    with store.transaction() as txn:
        txn.execute("DELETE FROM base.erasing")


def finished(store: Store) -> None:
    """Close the records: nothing is left anywhere."""
    with store.transaction() as txn:
        txn.execute("UPDATE base.erasures SET finished_at = ? WHERE finished_at IS NULL", [store.clock.now()])


def bury(txn: Transaction, key: bytes, now: datetime, ids: Ids) -> None:
    """Leave tombstones."""
    rows = [
        {"kind": kind, "hash": buried(key, kind, value), "until": now if kind in BOUNDED else None}
        for kind, values in ids.items()
        if kind not in {"app", "late"}
        for value in values
    ]
    txn.insert("tombstones", rows)


def remember(store: Store, rows: Sequence[Mapping[str, object]]) -> int:
    """Add tombstones (kind, hash, until) that are known from elsewhere; return how many."""
    with store.transaction() as txn:
        return txn.insert("tombstones", rows)


def tombstones(reader: Store | Transaction) -> dict[tuple[str, str], datetime | None]:
    """Return what must not come back: kind and hash, and until when it holds."""
    rows = reader.read("SELECT kind, hash, until FROM base.tombstones").to_pylist()
    return {(row["kind"], row["hash"]): row["until"] for row in rows}


def _want(txn: Transaction, kind: str, ids: Iterable[str]) -> None:
    txn.insert("erasing", [{"kind": kind, "id": value} for value in sorted(ids)])


def _follow(txn: Transaction) -> None:
    """From what was given to its traces, and from those to the sessions, answers and messages that were only theirs."""
    for table in ("spans", "turns", "events"):
        names = [c for c in ("app", "user_id", "session_id") if c in BASE[table]]
        told = " OR ".join(f"{c} IN ({_of(NAMED.get(c, 'app'))})" for c in names)
        txn.execute(
            f"INSERT INTO base.erasing SELECT DISTINCT 'trace', trace_id FROM base.{table} "
            f"WHERE ({told}) AND trace_id IS NOT NULL AND trace_id NOT IN ({_of('trace')})"
        )
    for column, kind in (("response_id", "response"), ("message_id", "message")):
        txn.execute(
            f"INSERT INTO base.erasing SELECT DISTINCT '{kind}', {column} FROM base.spans "
            f"WHERE {column} IS NOT NULL AND trace_id IN ({_of('trace')})"
        )
    txn.execute(
        f"INSERT INTO base.erasing SELECT 'session', session_id FROM base.spans WHERE session_id IS NOT NULL "
        f"AND session_id NOT IN ({_of('session')}) GROUP BY session_id HAVING bool_and(trace_id IN ({_of('trace')}))"
    )


def _of(kind: str) -> str:
    return f"SELECT id FROM base.erasing WHERE kind = '{kind}'"


def _condition(table: str) -> str | None:
    """Which rows of a table go, as SQL over `base.erasing`; None for tables that name nobody."""
    columns = BASE[table]
    told = [f"{column} IN ({_of(kind)})" for column, kind in NAMED.items() if column in columns]
    if table in {"spans", "events", "turns", "wholes", "dimension_values", *BY_APP}:
        told.append(f"app IN ({_of('app')})")
    if table in {"estimates", "findings"}:
        told.append(f"segment IN ({SEGMENTS})")
    if table in {"samples", "judge_draws", "grades", "judge_calls", "judged"}:
        told.append(f"unit_id IN ({_of('trace')})")
    if table in {"scores", "exposures"}:
        told.append(f"source IN ({_of('app')})")
    if table == "scores":
        told += [
            f"(trace_id IS NULL AND {c} IN ({_of(k)}))"
            for c, k in (("response_id", "response"), ("message_id", "message"))
        ]
    if table == "arrivals":
        told += ["trace_id IN (SELECT kind || ':' || id FROM base.erasing)"]
    if table == "arm_units":
        told += ["unit IN (SELECT id FROM base.erasing WHERE kind IN ('trace', 'user', 'session'))", ARMS]
    if table == "comparisons":
        told.append(ARMS)
    if table == "trackers":
        told.append(f"{PART.format(1)} IN ({_of('app')})")
        told.append(f"{PART.format(2)} IN ({SEGMENTS})")
    return " OR ".join(told) or None


def _delete(txn: Transaction) -> dict[str, int]:
    removed = {}
    last = ("turns",)  # other tables are found through them
    for table in sorted(BASE.keys() - set(OURS), key=lambda name: (name in last, name)):
        condition = _condition(table)
        if condition is not None:
            found = txn.read(f"SELECT count(*) AS n FROM base.{table} WHERE {condition}")
            removed[table] = int(found["n"][0].as_py())
            txn.execute(f"DELETE FROM base.{table} WHERE {condition}")
    removed["dimension_values"] += forget_values(txn)
    for table, column in QUOTING:
        _unquote(txn, table, column)
    return removed


def _unquote(txn: Transaction, table: str, column: str) -> None:
    """Take erased traces out of what is told elsewhere."""
    ids = _ids(txn.frame("SELECT kind, id FROM base.erasing WHERE kind IN ('trace', 'user', 'session')"))
    change = unquoting(ids)
    rows = txn.frame(f"SELECT DISTINCT {column} AS told FROM base.{table} WHERE {column} IS NOT NULL")
    for told in rows["told"]:
        if (better := change(told)) != told:
            txn.execute(f"UPDATE base.{table} SET {column} = ? WHERE {column} = ?", [better, told])


def unquoting(ids: Mapping[str, frozenset[str]]) -> Callable[[str], str]:
    """Return what takes ids out of a text or JSON that quotes them: traces wherever they stand, others as names of segments.

    Users and sessions are told of in no other way, and an id such as "app" or "1" must not take the words of JSON along.
    """
    traces = ids.get("trace", frozenset())
    names = {
        f"{column}={name}" for column, kind in NAMED.items() if kind != "trace" for name in ids.get(kind, ()) if name
    }
    once = {json.dumps(name)[1:-1] for name in names}
    twice = {json.dumps(name)[1:-1] for name in once}  # the memory of drift names streams, which are JSON, in JSON
    written = sorted(names | once | twice, key=len, reverse=True)
    words = re.compile(r"(?:" + "|".join(map(re.escape, written)) + r")(?!\w)") if written else None

    def change(text: str) -> str:
        told = HEX.sub(lambda found: GONE if found[0] in traces else found[0], text)
        return words.sub(lambda found: f"{found[0].partition('=')[0]}={GONE}", told) if words else told

    return change


def _record(txn: Transaction, kind: str, now: datetime, removed: Mapping[str, int]) -> None:
    number = txn.read("SELECT coalesce(max(id), 0) + 1 AS n FROM base.erasures")["n"][0].as_py()
    told = json.dumps({name: count for name, count in removed.items() if count})
    txn.insert("erasures", [{"id": number, "kind": kind, "asked_at": now, "finished_at": None, "removed": told}])


def _ids(rows: pl.DataFrame) -> Ids:
    return {
        str(kind): frozenset(part["id"].drop_nulls())
        for (kind,), part in rows.partition_by("kind", as_dict=True).items()
    }
