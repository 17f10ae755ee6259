"""Group commit: requests that wait at the same time share one decode, one frame and one `fdatasync`.

One thread decodes, redacts and frames whatever is waiting; a second writes and syncs, so that the next group is worked on
while the disk is busy. An answer is given only after the sync: acknowledged means durable. A body that cannot be read
fails alone. When the room for bodies, the disk or its free space is full, a request is turned away before anything is kept
of it.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Queue
from typing import Final, Literal

from collectors.batch import Batch
from collectors.changes import decode_changes
from collectors.company import MOMENT_S, Company
from collectors.decode import BadBody, Media, Outcome, decode_logs, decode_traces, propagate
from collectors.dialects.table import Table
from collectors.frames import FIELD_BYTES, to_tables
from collectors.inflight import Held, Room
from collectors.meters import decode_metrics
from collectors.redaction.redact import Redactor
from collectors.scores import langfuse, ours, phoenix
from monitor.clock import Clock
from monitor.errors import RetryLater, StoreError
from monitor.spool_writer import SpoolWriter

_log = logging.getLogger("plumbline.collector")

Signal = Literal["traces", "logs", "metrics", "scores", "langfuse_scores", "langfuse_events", "annotations", "changes"]
GROUP_BYTES: Final = 4 << 20
GROUP_BODIES: Final = 64
REFUSALS_EVERY_S: Final = 1.0

MAX_WRITES: Final = 2
"""Groups that may wait for the disk: more would only grow memory while it is slow."""


Decoder = Callable[[bytes, Media, Batch, int], Outcome]


@dataclass
class Letter:
    """One request body on its way; the future is resolved once it is durable, or says why it never will be."""

    signal: Signal
    media: Media
    body: bytes
    door: str
    answer: Future[Outcome] = field(default_factory=Future)


Settled = list[tuple[Letter, Outcome]]
Refusals = Counter[tuple[str, str]]
"""How many bodies were refused, by (door, reason)."""


@dataclass
class Intake:
    """The way from bodies to the spool. `submit` may be called from any thread; None as `rules` takes the shipped ones.

    `max_queue_bytes` is the size of `room`, which the doors share for bodies that have not arrived yet.
    """

    writer: SpoolWriter
    redactor: Redactor | None
    clock: Clock
    folder: Path
    max_queue_bytes: int
    min_free_bytes: int
    max_field_bytes: int = FIELD_BYTES
    rules: Table | None = None
    counters: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Start the two threads."""
        self._decoders: dict[Signal, Decoder] = {
            "traces": partial(decode_traces, rules=self.rules),
            "logs": partial(decode_logs, rules=self.rules),
            "metrics": decode_metrics,
            "scores": ours.decode_scores,
            "langfuse_scores": langfuse.decode_scores,
            "langfuse_events": langfuse.decode_events,
            "annotations": phoenix.decode_annotations,
            "changes": decode_changes,
        }
        self._waiting: list[Letter] = []
        self._company = Company()
        self.room = Room(self.max_queue_bytes, self.counters)
        self._changed = threading.Condition()
        self._open = True
        self._refused: Refusals = Counter()
        self._writes: Queue[tuple[dict[str, bytes], Settled, Refusals] | None] = Queue(MAX_WRITES)
        self._threads = [
            threading.Thread(target=work, name=name, daemon=True)
            for name, work in (("decode", self._decode_groups), ("write", self._write_groups))
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self, signal: Signal, media: Media, body: bytes, door: str = "http", held: Held | None = None
    ) -> Future[Outcome]:
        """Queue one body that came by `door`. Raises `RetryLater` when there is no room for it now.

        What `held` holds of the room for this body is the intake's from then on, until the body is durable or refused.
        """
        self._turn_away_when_full()
        held = held or self.room.hold()
        held.resize(len(body))
        letter = Letter(signal, media, body, door)
        letter.answer.set_running_or_notify_cancel()  # a client that goes away cannot cancel what others share
        with self._changed:
            if not self._open:
                held.resize(0)
                self.counters["turned_away"] += 1
                raise RetryLater("the collector is stopping")
            heir = held.handed_on()
            letter.answer.add_done_callback(lambda _: heir.resize(0))
            self._waiting.append(letter)
            self._changed.notify()
        return letter.answer

    def note_refusal(self, reason: str, door: str = "http") -> None:
        """Remember a body that `door` refused before it got here, for the ledger."""
        with self._changed:
            self._refused[door, reason] += 1
            self.counters["refused"] += 1

    def close(self) -> None:
        """Take nothing more, finish what waits, close the spool. Closing again does nothing."""
        with self._changed:
            if not self._open:
                return
            self._open = False
            self._changed.notify()
        for thread in self._threads:
            thread.join()
        with contextlib.suppress(StoreError):
            self.writer.close()

    def _turn_away_when_full(self) -> None:
        if shutil.disk_usage(self.folder).free < self.min_free_bytes:
            self.counters["turned_away"] += 1
            raise RetryLater(f"less than {self.min_free_bytes >> 20} MB of disk are free")

    # -- first thread: bodies to frames

    def _decode_groups(self) -> None:
        while (group := self._next_group()) is not None:
            self._frame(group)
        self._writes.put(None)

    def _frame(self, group: list[Letter]) -> None:
        refused = self._take_refusals()
        try:
            batch, settled = self._decoded(group)
            _add_refusals(batch, refused, self._now_us())
            self._writes.put((to_tables(batch, self.redactor, self.max_field_bytes), settled, refused))
        except Exception:  # noqa: BLE001 - a bug of ours must not leave clients waiting for ever
            _log.exception("a group of %d bodies could not be framed", len(group))
            self._put_back(refused)
            self._frame_alone([letter for letter in group if not letter.answer.done()])

    def _frame_alone(self, letters: list[Letter]) -> None:
        """One body that cannot be framed must not cost the others, and trying again would never help it."""
        if len(letters) > 1:
            for letter in letters:
                self._frame([letter])
            return
        for letter in letters:
            self.note_refusal("cannot be framed", letter.door)
            letter.answer.set_exception(BadBody("cannot be framed: an error of ours, which is in the collector's log"))

    def _next_group(self) -> list[Letter] | None:
        with self._changed:
            while not self._waiting:
                if not self._open and not self._refused:
                    return None
                if self._refused and not (self._open and self._changed.wait(REFUSALS_EVERY_S)):
                    return []  # nothing but refusals: they go to the ledger together, not one sync each
                if not self._refused and self._open:
                    self._changed.wait(REFUSALS_EVERY_S)
            waiting = len(self._waiting)
        if self._company.worth(waiting, time.monotonic()):
            time.sleep(MOMENT_S)
            self._company.came(len(self._waiting) - waiting)
        return self._taken()

    def _taken(self) -> list[Letter]:
        """Take as many of those that wait as one group holds."""
        with self._changed:
            size, count = 0, 0
            while count < min(len(self._waiting), GROUP_BODIES) and (not count or size < GROUP_BYTES):
                size += len(self._waiting[count].body)
                count += 1
            group, self._waiting = self._waiting[:count], self._waiting[count:]
            return group

    def _decoded(self, group: list[Letter]) -> tuple[Batch, Settled]:
        batch, settled = Batch(), []
        received = self._now_us()
        for letter in group:
            mark = batch.mark()
            try:
                outcome = self._decoders[letter.signal](letter.body, letter.media, batch, received)
            except BadBody as error:
                self.note_refusal(str(error), letter.door)
                letter.answer.set_exception(error)
            except Exception as error:  # noqa: BLE001 - what a decoder did not foresee is the sender's body, not our outage
                batch.rollback(mark)
                _log.exception("a body of %d bytes could not be decoded", len(letter.body))
                self.note_refusal("cannot be decoded", letter.door)
                letter.answer.set_exception(BadBody(f"cannot be decoded: {error}"))
            else:
                settled.append((letter, outcome))
        propagate(batch)
        return batch, settled

    def _now_us(self) -> int:
        return int(self.clock.now().timestamp() * 1_000_000)

    def _take_refusals(self) -> Refusals:
        with self._changed:
            refused, self._refused = self._refused, Counter()
        return refused

    def _put_back(self, refused: Refusals) -> None:
        with self._changed:
            self._refused += refused

    # -- second thread: frames to disk

    def _write_groups(self) -> None:
        while (item := self._writes.get()) is not None:
            self._write(*item)

    def _write(self, tables: dict[str, bytes], settled: Settled, refused: Refusals) -> None:
        try:
            if tables:
                self.writer.append(tables)
                self.writer.sync()
        except Exception as error:  # noqa: BLE001 - whatever it is, the thread must live: all clients wait for it
            self.writer.abandon()  # what reached the disk is unknown: never acknowledge it, never append behind it
            self.counters["turned_away"] += len(settled)
            _log.error("spool: %s", error)
            self._put_back(refused)
            _fail([letter for letter, _ in settled], RetryLater("the disk does not take data"))
            return
        self.counters["groups"] += 1
        for letter, outcome in settled:
            self.counters["accepted"] += outcome.accepted
            self.counters["rejected"] += outcome.rejected
            letter.answer.set_result(outcome)


def _fail(letters: list[Letter], error: Exception) -> None:
    for letter in letters:
        letter.answer.set_exception(error)


def _add_refusals(batch: Batch, refused: Refusals, received: int) -> None:
    for (door, reason), count in refused.items():
        batch.add("refusals", time=received, source=door, received=count, reason=reason[:200])
