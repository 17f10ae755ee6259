"""OTLP export requests out of Kafka topics, one a message, each partition from where the last import stopped.

The only importer of confluent_kafka, which is an extra: load this module when a `kafka://` URL is named. Offsets are committed by
whoever has made the messages durable, never here in passing; partitions are assigned and not shared out, so an import needs no group
of its own beyond a name for its offsets. Do not run two imports of one topic into one data directory: nothing would be doubled,
but everything would be read twice.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from collectors.importers.kafka_url import Topics
from collectors.importers.stream import Message, Place
from monitor.errors import Unreachable, UsageError

WAIT_S: Final = 10.0
"""How long a broker may take to answer a question."""

SILENCE_S: Final = 60.0
"""How long a bounded import waits for a message that must be there."""

POLL_S: Final = 0.5
MESSAGES: Final = 200
"""Messages that are taken at a time, so that their size stays bounded: each may be a megabyte."""

PREFETCH_KB: Final = 32_768


@dataclass
class Reader:
    """Reads topics from the committed offsets on. `until` are the ends as they were at the start, `at` is what comes next.

    `lost` counts messages that Kafka deleted before they were read; `poll` times come from `clock_s`, in seconds.
    """

    consumer: Any
    topics: Topics
    clock_s: Callable[[], float]
    at: dict[Place, int] = field(default_factory=dict)
    until: dict[Place, int] = field(default_factory=dict)
    ended: set[Place] = field(default_factory=set)
    lost: int = 0

    def read(self, *, follow: bool, going: Callable[[], bool]) -> Iterator[list[Message]]:
        """Yield messages in groups, an empty one now and then, while `going` and until the ends unless `follow`.

        Raises `Unreachable` when messages that are there do not come.
        """
        heard = looked = self.clock_s()
        while going() and (follow or not self._done()):
            got = [one for one in map(self._taken, self.consumer.consume(MESSAGES, POLL_S)) if one is not None]
            now = self.clock_s()
            heard = now if got else heard
            if not follow and now - heard > SILENCE_S:
                raise Unreachable(f"{self.topics.url}: no message for {SILENCE_S:g} s (is a broker down?)")
            if follow and now - looked > SILENCE_S:
                looked = now
                self.find_new()
            yield got if follow else [one for one in got if one.offset < self.until[one.place]]

    def _done(self) -> bool:
        return all(place in self.ended or self.at[place] >= end for place, end in self.until.items())

    def _taken(self, got: Any) -> Message | None:
        place = (got.topic(), got.partition())
        error = got.error()
        if error is None:
            self.at[place] = got.offset() + 1
            return Message(place, got.offset(), got.value())
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - that is its name
            self.ended.add(place)  # the end may lie behind the last message: markers of transactions have offsets, too
        elif not error.retriable() and error.code() not in PASSING:
            raise Unreachable(f"{self.topics.url}: {error.str()}")
        return None

    def commit(self, offsets: Mapping[Place, int]) -> None:
        """Remember that everything before `offsets` is durable. Raises `Unreachable`; nothing is lost or doubled by that."""
        if not offsets:
            return
        places = [TopicPartition(topic, partition, offset) for (topic, partition), offset in offsets.items()]
        try:
            done = self.consumer.commit(offsets=places, asynchronous=False)
            problem = next((one.error for one in done if one.error), None)
        except KafkaException as error:
            problem = error.args[0]
        if problem is not None:
            raise Unreachable(
                f"{self.topics.url}: what was read is stored, but the offsets cannot be committed: {problem.str()} "
                "(run it again: nothing is doubled)"
            )

    def find_new(self) -> None:
        """Find the partitions that are not read yet, and where each begins and ends."""
        known = _partitions(self.consumer, self.topics)
        fresh = [place for place in known if place not in self.at]
        if not fresh:
            return
        asked = [TopicPartition(*place) for place in fresh]
        with _told(self.topics):
            committed = self.consumer.committed(asked, timeout=WAIT_S)
            bounds = [self.consumer.get_watermark_offsets(one, timeout=WAIT_S) for one in asked]
        for place, one, (low, high) in zip(fresh, committed, bounds, strict=True):
            self._begin(place, one.offset, low, high)
        self.consumer.incremental_assign([TopicPartition(*place, self.at[place]) for place in fresh])

    def _begin(self, place: Place, committed: int, low: int, high: int) -> None:
        """A committed offset beyond the end is of a topic that was made anew; one before the beginning, of messages that are gone."""
        begin = committed if 0 <= committed <= high else low
        self.lost += max(0, low - begin)
        self.at[place], self.until[place] = max(begin, low), high

    def share(self) -> float:
        """Return how far along the way to the ends this is, from 0 to 1."""
        ends = sum(self.until.values())
        reached = sum(min(self.at[place], end) for place, end in self.until.items())
        return reached / ends if ends else 1.0

    def close(self) -> None:
        """Leave the brokers."""
        self.consumer.close()


PASSING: Final = frozenset(
    {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._RESOLVE}  # noqa: SLF001 - their names
)
"""Errors that the client mends by itself, by connecting again."""


@contextlib.contextmanager
def _told(topics: Topics, heard: Callable[[], str] = str) -> Iterator[None]:
    """Turn an error of the client into one line; `heard` is what it has said of its connections."""
    try:
        yield
    except KafkaException as error:
        said = heard() or error.args[0].str()
        raise Unreachable(f"{topics.url}: {said} (is the address right, and does a broker listen there?)") from None


def open_reader(topics: Topics, group: str, clock_s: Callable[[], float]) -> Reader:
    """Return a reader of `topics` that stands at the offsets committed for `group`, or at the beginning.

    Raises `Unreachable` when no broker answers, and `UsageError` for a topic or a setting that does not exist.
    """
    problems: list[str] = []
    settings = {
        "client.id": "plumbline",
        "group.id": group,
        "queued.max.messages.kbytes": PREFETCH_KB,
        **topics.settings,
        "bootstrap.servers": topics.brokers,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "auto.offset.reset": "earliest",
        "allow.auto.create.topics": False,
        "error_cb": lambda error: problems.append(error.str()),
    }
    try:
        consumer = Consumer(settings, logger=_silent())
    except (KafkaException, ValueError, TypeError) as error:
        said = error.args[0].str() if isinstance(error, KafkaException) else str(error)
        raise UsageError(f"{topics.url}: {said}") from None
    reader = Reader(consumer, topics, clock_s)
    try:
        with _told(topics, lambda: _heard(consumer, problems)):
            reader.find_new()
    except BaseException:
        consumer.close()
        raise
    return reader


def _heard(consumer: Any, problems: Sequence[str]) -> str:
    """The first complaint about a connection: errors are handed over only when somebody polls."""
    consumer.poll(0)
    return problems[0] if problems else ""


def _partitions(consumer: Any, topics: Topics) -> list[Place]:
    with _told(topics):
        there = consumer.list_topics(timeout=WAIT_S).topics
    for name in topics.names:
        if name not in there or there[name].error is not None:
            public = sorted(known for known in there if not known.startswith("__"))
            raise UsageError(f"{topics.url}: there is no topic {name} (topics: {', '.join(public) or 'none'})")
    return [(name, partition) for name in topics.names for partition in sorted(there[name].partitions)]


def _silent() -> logging.Logger:
    """The client logs what it then reports as an error, too; one line is enough."""
    logger = logging.getLogger("plumbline.kafka")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger
