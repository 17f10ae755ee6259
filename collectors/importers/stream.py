"""Messages -> spool: each group is durable before its offsets are committed, so that nothing is lost and nothing doubled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from collectors.batch import Batch
from collectors.importers.formats import OTLP
from collectors.importers.readers import ImportItem
from collectors.importers.record import Origin
from collectors.importers.taking import CHUNK_ROWS, Taking, Terms

EMPTY: Final = "messages without anything that is kept"
Place = tuple[str, int]
"""A topic and a partition."""


@dataclass(frozen=True)
class Message:
    """One message: where it stands, and its bytes; None is a message that deletes a key and holds nothing."""

    place: Place
    offset: int
    value: bytes | None

    @property
    def name(self) -> str:
        """Where it stands, for people."""
        return f"{self.place[0]}[{self.place[1]}]@{self.offset}"


@dataclass(frozen=True)
class Stream:
    """An import of messages on its way. `commit` is told, place by place, the offset after what is durable."""

    taking: Taking
    terms: Terms
    commit: Callable[[Mapping[Place, int]], None]

    def run(self, groups: Iterable[Sequence[Message]]) -> None:
        """Bring all messages of `groups` into the spool."""
        for group in groups:
            for part in self._frames(iter(group)):
                self.commit(part)

    def _frames(self, messages: Iterator[Message]) -> Iterator[dict[Place, int]]:
        """Make messages durable, a frame at a time, and yield the offsets after each."""
        while True:
            batch = Batch()
            reached: dict[Place, int] = {}
            accepted = 0
            for message in messages:
                accepted += self._add(message, batch)
                reached[message.place] = message.offset + 1
                if len(batch) >= CHUNK_ROWS:
                    break
            if not reached:
                return
            self.taking.keep(batch)
            self.taking.report.taken[OTLP.name] += accepted
            yield reached

    def _add(self, message: Message, batch: Batch) -> int:
        """Take one message, whatever is in it: a bad one is refused and counted, and the next one comes."""
        item = ImportItem(0, None, self._problem(message), message.value or b"")
        self.taking.watch(OTLP, item)
        origin = Origin(self.terms.now_us(), self.terms.now_us(), self.terms.app, rules=self.terms.rules)
        outcome = self.taking.add(message.name, OTLP.name, OTLP, batch, item, origin)
        if not outcome.accepted and not outcome.rejected:
            self.taking.report.notes[EMPTY] += 1
        return outcome.accepted

    def _problem(self, message: Message) -> str:
        if not message.value:
            return "the message is empty"
        if len(message.value) > self.terms.max_body:
            return f"larger than {self.terms.max_body / 1e6:g} MB (collector.max_body_mb)"
        return ""
