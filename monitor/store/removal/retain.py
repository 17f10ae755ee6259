"""Retention inside the store: what is too old goes, a bounded batch a transaction, and each batch is counted in it.

A kill between two batches loses nothing: what was removed is in the record, and the next run goes on under the same record.
The ledger and the records of erasures and retention stay: numbers of how many, which name nobody.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import pyarrow as pa

from monitor.clock import naive_utc
from monitor.store.ddl import BASE
from monitor.store.finishing.few_values import forget_values
from monitor.store.marks import set_mark
from monitor.store.opening import Store, Transaction
from monitor.store.removal.age_limits import TEXTS, Held, Limits

BATCH: Final = 50_000
"""Rows a transaction: the loader gets its turn between two of them."""

_IDS: Final = pa.schema({"field": pa.string(), "id": pa.string()})
STEP: Final = "retention"
NAMELESS: Final = "(gone) "
"""How a unit of an experiment is named after its user went; the day of that follows, then what keeps it apart from others."""


@dataclass(frozen=True)
class Task:
    """One table of one class: the column its age is counted from, and the columns to empty; with none the row goes."""

    kind: Literal["content", "spans", "rollups"]
    table: str
    age: str = "time"
    texts: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the record calls it."""
        return f"{self.table} (texts)" if self.texts else self.table


HANGING: Final = (
    "exposed",
    "arrivals",
    "wholes",
    "samples",
    "judge_draws",
    "grades",
    "judge_calls",
    "judged",
    "turns",
    "features",
    "scores",
    "events",
    "exposures",
)

TASKS: Final = (
    Task("content", "content"),
    *(Task("content", table, texts=columns) for table, columns in TEXTS.items()),
    Task("spans", "content"),
    *(Task("spans", table) for table in HANGING),
    Task("spans", "meters"),
    Task("spans", "spans"),
    Task("rollups", "rollup", "hour"),
    Task("rollups", "estimates", "window_end"),
    Task("rollups", "findings", "detected_at"),
    Task("rollups", "changes"),
    Task("rollups", "unknown_keys", "day"),
    Task("rollups", "strangers"),
)
"""In this order: what is found through something goes before it."""


@dataclass(frozen=True)
class Run:
    """One run of retention, as its record has it."""

    id: int
    started_at: datetime
    limits: Limits


def begin(store: Store, limits: Limits, now: datetime) -> Run:
    """Return the run that was interrupted, under the limits of now, or a new one; it has no record before it removes."""
    rows = store.read("SELECT id, started_at FROM base.retentions WHERE finished_at IS NULL").to_pylist()
    if rows:
        return Run(rows[0]["id"], rows[0]["started_at"], limits)
    number = store.read("SELECT coalesce(max(id), 0) + 1 AS n FROM base.retentions")["n"][0].as_py()
    return Run(number, naive_utc(now), limits)


def remove_aged(store: Store, run: Run, batch: int = BATCH) -> int:
    """Remove everything beyond the limits of `run`, `batch` rows a transaction; return how many rows lost something."""
    total = 0
    for task in TASKS:
        while count := remove_batch(store, run, task, batch):
            total += count
    return total


def remove_batch(store: Store, run: Run, task: Task, batch: int) -> int:
    """Remove at most `batch` rows of one table in one transaction; return how many."""
    limit: datetime | None = getattr(run.limits, task.kind)
    if limit is None:
        return 0
    held = f" AND ({' OR '.join(f'{column} IS NOT NULL' for column in task.texts)})" if task.texts else ""
    spared, ids = _spared(task.table, run.limits.held)
    with store.transaction() as txn:
        with txn.registered("held", ids):
            rows = txn.read(
                f"SELECT rowid AS id FROM base.{task.table} WHERE {task.age} < TIMESTAMP '{limit}'{held}{spared} LIMIT {batch}"
            )
        if rows.num_rows:
            with txn.registered("aged", rows):
                txn.execute(_change(task))
            note(txn, run, {task.name: rows.num_rows})
    return int(rows.num_rows)


def _spared(table: str, held: Held) -> tuple[str, pa.Table]:
    """Return the condition that spares evidence on hold in one table, and the ids it looks at."""
    columns = [column for column in BASE[table] if held.of(column)]
    pairs = [(column, value) for column in columns for value in held.of(column)]
    ids = pa.table({"field": [pair[0] for pair in pairs], "id": [pair[1] for pair in pairs]}, schema=_IDS)
    told = (f"coalesce({column}, '') NOT IN (SELECT id FROM held WHERE field = '{column}')" for column in columns)
    return "".join(f" AND {part}" for part in told), ids


def _change(task: Task) -> str:
    which = "WHERE rowid IN (SELECT id FROM aged)"
    if task.texts:
        return f"UPDATE base.{task.table} SET {', '.join(f'{column} = NULL' for column in task.texts)} {which}"
    return f"DELETE FROM base.{task.table} {which}"


def forget_units(store: Store, run: Run, salt: str) -> int:
    """Take the ids of users out of the sums of experiments that no turn is left of; the sums, and what they say, stay.

    `salt` is fresh for every run and kept nowhere. What has been nameless for as long as rollups are kept goes for good.
    """
    day = run.started_at.strftime("%Y-%m-%d")
    with store.transaction() as txn:
        ended = (
            "experiment NOT IN (SELECT experiment FROM base.turns WHERE experiment IS NOT NULL) "
            f"AND NOT starts_with(unit, '{NAMELESS}')"
        )
        found = txn.read(f"SELECT count(*) AS n FROM base.arm_units WHERE {ended}")["n"][0].as_py()
        if found and run.limits.spans is not None:
            named = f"'{NAMELESS}{day} ' || left(sha256(? || unit), 24)"
            txn.execute(f"UPDATE base.arm_units SET unit = {named} WHERE {ended}", [salt])
            note(txn, run, {"arm_units (ids)": found})
        return _drop_ended(txn, run) + (found if run.limits.spans is not None else 0)


def forget_unused(store: Store, run: Run) -> int:
    """Drop the values of dimensions that no turn is left of; return how many."""
    with store.transaction() as txn:
        if found := forget_values(txn):
            note(txn, run, {"dimension_values": found})
    return found


def _drop_ended(txn: Transaction, run: Run) -> int:
    if run.limits.rollups is None:
        return 0
    last = f"max(CASE WHEN starts_with(unit, '{NAMELESS}') THEN unit[{len(NAMELESS) + 1}:{len(NAMELESS) + 10}] ELSE '9' END)"
    over = txn.read(
        f"SELECT experiment FROM base.arm_units GROUP BY experiment HAVING {last} < ?",
        [run.limits.rollups.strftime("%Y-%m-%d")],
    )
    if not over.num_rows:
        return 0
    with txn.registered("over", over):
        removed = {}
        for table in ("arm_units", "comparisons"):
            which = f"FROM base.{table} WHERE experiment IN (SELECT experiment FROM over)"
            removed[table] = txn.read(f"SELECT count(*) AS n {which}")["n"][0].as_py()
            txn.execute(f"DELETE {which}")
    note(txn, run, removed)
    return sum(removed.values())


def note(txn: Transaction, run: Run, removed: dict[str, int]) -> None:
    """Add to the record of a run, in the transaction that removed."""
    rows = txn.read("SELECT removed FROM base.retentions WHERE id = ?", [run.id]).to_pylist()
    told: dict[str, int] = json.loads(rows[0]["removed"]) if rows else {}
    told |= {name: told.get(name, 0) + count for name, count in removed.items()}
    txn.execute("DELETE FROM base.retentions WHERE id = ?", [run.id])
    before = {f"{name}_before": limit for name, limit in run.limits.times.items()}
    txn.insert("retentions", [{"id": run.id, "started_at": run.started_at, "removed": json.dumps(told), **before}])


def note_labels(store: Store, run: Run, count: int) -> None:
    """Add to the record of a run what left the control state."""
    with store.transaction() as txn:
        note(txn, run, {"labels": count})


def end(store: Store, run: Run, now: datetime) -> None:
    """Close the record of a run, and remember when the step last ran."""
    with store.transaction() as txn:
        txn.execute("UPDATE base.retentions SET finished_at = ? WHERE id = ?", [naive_utc(now), run.id])
        set_mark(txn, STEP, None, naive_utc(now))


def rewritten(store: Store, now: datetime) -> None:
    """Remember that the files were rewritten after everything that has been removed."""
    with store.transaction() as txn:
        txn.execute(
            "UPDATE base.retentions SET rewritten_at = ? WHERE rewritten_at IS NULL AND finished_at IS NOT NULL",
            [naive_utc(now)],
        )
        set_mark(txn, f"{STEP}:files", None, naive_utc(now))


def gone_before(store: Store, limits: Limits) -> Limits:
    """Return before when something may be gone: by `limits`, or by a run of other days that had tighter ones."""
    (row,) = store.read(
        "SELECT max(content_before) AS content, max(spans_before) AS spans, max(rollups_before) AS rollups FROM base.retentions"
    ).to_pylist()
    told = {name: [at for at in (row[name], getattr(limits, name)) if at is not None] for name in row}
    return Limits(**{name: max(times, default=None) for name, times in told.items()}, held=limits.held)


@dataclass(frozen=True)
class Progress:
    """How far retention is (times naive UTC): last run, last rewriting of the files, whether one is owed, last record."""

    ran_at: datetime | None
    files_at: datetime | None
    owed: bool
    last: dict[str, Any] | None

    def files_due(self, now: datetime, every: timedelta) -> bool:
        """Whether rewriting the files is due."""
        return self.files_at is None or naive_utc(now) - self.files_at >= every

    def due(self, now: datetime, every: timedelta) -> bool:
        """Whether the step is due."""
        return self.ran_at is None or naive_utc(now) - self.ran_at >= every


def progress(store: Store) -> Progress:
    """Return how far retention is."""
    marks = dict(
        store.frame(f"SELECT step, max(time) FROM base.marks WHERE step LIKE '{STEP}%' GROUP BY step").iter_rows()
    )
    last = store.read("SELECT * FROM base.retentions ORDER BY id DESC LIMIT 1").to_pylist()
    owed = store.read("SELECT 1 AS n FROM base.retentions WHERE rewritten_at IS NULL LIMIT 1").num_rows
    return Progress(marks.get(STEP), marks.get(f"{STEP}:files"), bool(owed), last[0] if last else None)
