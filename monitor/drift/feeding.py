"""Which streams a batch of turns is for: it is read once, its traffic is counted, and each stream it holds is fed, or is behind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import polars as pl
from msgspec.structs import replace

from monitor.clock import naive_utc
from monitor.config.schema import DriftSettings
from monitor.drift.admission import admit, count_candidates, of_whole_apps, segment_key
from monitor.drift.batch import ALL, Batch, Name, read_batch, user_traffic
from monitor.drift.heavy_users import count_users, heavy_users
from monitor.drift.kinds import MISSING
from monitor.drift.novelty import learnt, with_news
from monitor.drift.state import Memory
from monitor.drift.stored_states import Known, key_of, name_of, whole_metric
from monitor.drift.texts import text_streams
from monitor.drift.unwatched import crowded_out
from monitor.measures import Titles
from monitor.model.values import ToldChange

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - times of turns are naive UTC


def nobody(_metric: str, _app: str) -> str:
    """Return the version of the graders of a metric that nobody grades."""
    return ""


@dataclass(frozen=True)
class Feeding:
    """Which streams a batch is for: all but those that are behind (`held`), or, to catch up, `only` one.

    Streams are named by their keys; `whole_metric` names all of a metric. `graded_by` says by which version of graders a metric of
    an app is made: a stream of another version starts anew. `lasting` are measures that a turn has once its app has them: that one
    is missing is a stream. `accepted` are findings that a person has called the new normal.
    `changes` are what people and deploy scripts told: causes. `titles` are what findings call rules.
    """

    held: Collection[str] = ()
    only: str | None = None
    graded_by: Callable[[str, str], str] = nobody
    lasting: Collection[str] = ()
    accepted: Collection[str] = ()
    changes: Sequence[ToldChange] = ()
    titles: Titles = field(default_factory=dict)

    def takes(self, name: Name) -> bool:
        """Return whether the stream is fed."""
        named = {key_of(name), whole_metric(name.metric)}
        return named.isdisjoint(self.held) if self.only is None else self.only in named


EVERYBODY: Final = Feeding()


@dataclass(frozen=True)
class Due:
    """What a batch holds, for whom: streams of values that are `fed`, of texts that are `heard`, all that are `watched`.

    `owed` are those that are behind unless they are stepped now; `counted` is what traffic adds to what is known of it.
    """

    batch: Batch
    fed: Sequence[Name]
    heard: Sequence[Name]
    watched: Collection[Name]
    owed: Sequence[Name]
    counted: Memory


def due_of(given: Known, turns: pl.DataFrame, settings: DriftSettings, now: datetime, feeding: Feeding) -> Due:
    """Read `turns` as a batch, and say which streams it is for."""
    memory = given.memory
    again = feeding.only is not None  # traffic that has been counted
    users = memory.users if again else count_users(memory.users, user_traffic(turns))
    dated = _dated(turns, now)
    vocabularies = memory.vocabularies if again else learnt(memory.vocabularies, dated)
    keys = {*given.keys()}
    told = with_news(_with_absences(dated, keys, feeding.lasting), memory.vocabularies)
    batch = read_batch(told, settings.segments, settings.ignore, heavy_users(users))
    candidates = memory.candidates if again else count_candidates(memory.candidates, _segment_traffic(batch))
    known = [name_of(key) for key in keys]
    admitted = admit(known, batch.counts, candidates, settings.max_streams)
    fed = [name for name in admitted if feeding.takes(name)]
    room = of_whole_apps({*known, *fed}) < settings.max_streams
    texts = text_streams(batch)
    spoken = [name for name in texts if room or name in known]
    heard = [name for name in spoken if feeding.takes(name)]
    owed = [*fed, *heard] if again else [*admitted, *spoken]
    watched = {*known, *fed, *heard}
    roomy = {*admitted, *spoken}
    unfed = {name: n for name, n in [*batch.counts.items(), *texts.items()] if name not in roomy}
    lacking = memory.crowded_out if again else crowded_out(memory.crowded_out, unfed, now)
    counted = replace(memory, users=users, candidates=candidates, vocabularies=vocabularies, crowded_out=lacking)
    return Due(batch, fed, heard, watched, owed, counted)


def _dated(turns: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Bound the times of turns to what a clock may say: nothing is of tomorrow, and nothing of before 1970."""
    latest = max(_EPOCH, naive_utc(now))
    times = turns["time"]
    if times.null_count() == len(times) or (times.min() >= _EPOCH and times.max() <= latest):  # type: ignore[operator]  # times
        return turns
    return turns.with_columns(pl.col("time").clip(_EPOCH, latest))


def _with_absences(turns: pl.DataFrame, watched: Collection[str], lasting: Collection[str]) -> pl.DataFrame:
    """Say of each turn whether it lacks a measure that its app has, or had."""
    apps, added = turns["app"].to_list(), []
    for metric in (name for name in lasting if name in turns.columns):
        known = [value is not None for value in turns[metric].to_list()]
        has = {app for app, there in zip(apps, known, strict=True) if there}
        has |= {app for app in set(apps) if key_of(Name(MISSING + metric, str(app), ALL)) in watched}
        lacks = [
            None if app is None or app not in has else float(not there) for app, there in zip(apps, known, strict=True)
        ]
        added.append(pl.Series(MISSING + metric, lacks, pl.Float64))
    return turns.hstack(added) if added else turns


def _segment_traffic(batch: Batch) -> dict[str, int]:
    traffic: dict[str, int] = {}
    for name, n in batch.counts.items():
        if name.segment != ALL:
            traffic[segment_key(name)] = max(n, traffic.get(segment_key(name), 0))
    return traffic
