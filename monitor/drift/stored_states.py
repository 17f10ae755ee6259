"""What is known of streams between two batches: texts, as a store keeps them, or the streams themselves, where nothing is stored between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Protocol

import msgspec

from monitor.drift.batch import Name
from monitor.drift.state import Memory, Stream, read_memory, read_stream, write_state
from monitor.drift.trail import thinned
from monitor.drift.wording_state import Wording, read_wording

MEMORY: Final = "memory"
"""The key of the one state that is not a stream."""

_NAMES: Final = 20_000
"""Names of streams whose keys are kept: far more than are ever watched at once."""


class Known(Protocol):
    """Streams by their keys, and what is remembered beside them."""

    @property
    def memory(self) -> Memory: ...

    def keys(self) -> Iterable[str]:
        """Return the keys of the streams."""

    def stream(self, key: str) -> Stream:
        """Return a stream, which may be changed; one that is not known has seen nothing."""

    def wording(self, key: str) -> Wording:
        """Return the same of a stream of texts."""


@dataclass(frozen=True)
class Texts:
    """States as texts, by key: each stream is read anew, and changing it changes nothing here."""

    states: Mapping[str, str]

    @property
    def memory(self) -> Memory:
        """See `Known`."""
        return read_memory(self.states.get(MEMORY))

    def keys(self) -> list[str]:
        """See `Known`."""
        return [key for key in self.states if key != MEMORY]

    def stream(self, key: str) -> Stream:
        """See `Known`."""
        return read_stream(self.states.get(key)) or Stream()

    def wording(self, key: str) -> Wording:
        """See `Known`."""
        return read_wording(self.states.get(key))


@dataclass
class Living:
    """Streams that live on from batch to batch. Not where a batch may fail and others go on: what it had changed stays changed."""

    streams: dict[str, Stream] = field(default_factory=dict)
    wordings: dict[str, Wording] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)

    def keys(self) -> list[str]:
        """See `Known`."""
        return [*self.streams, *self.wordings]

    def stream(self, key: str) -> Stream:
        """See `Known`."""
        return self.streams.get(key) or Stream()

    def wording(self, key: str) -> Wording:
        """See `Known`."""
        return self.wordings.get(key) or Wording()


@dataclass(frozen=True)
class Changed:
    """What a batch changed: streams and those of texts by key, and what is remembered; None where nothing did."""

    streams: Mapping[str, Stream]
    wordings: Mapping[str, Wording]
    memory: Memory | None

    @property
    def states(self) -> dict[str, str]:
        """All of it as texts."""
        known: list[Stream | Wording] = [*self.streams.values(), *self.wordings.values()]
        _thin([one for one in known if one.trail.loose])
        changed = {key: write_state(stream) for key, stream in [*self.streams.items(), *self.wordings.items()]}
        return changed | ({MEMORY: write_state(self.memory)} if self.memory is not None else {})

    def live_on(self, living: Living) -> None:
        """Have what changed in place of what was known."""
        living.streams.update(self.streams)
        living.wordings.update(self.wordings)
        living.memory = living.memory if self.memory is None else self.memory


def _thin(streams: Sequence[Stream | Wording]) -> None:
    for stream, trail in zip(streams, thinned([stream.trail for stream in streams]) if streams else [], strict=True):
        stream.trail = trail


@lru_cache(maxsize=_NAMES)
def key_of(name: Name) -> str:
    """Return the key under which a stream is stored."""
    return msgspec.json.encode(name).decode()


@lru_cache(maxsize=_NAMES)
def name_of(key: str) -> Name:
    """The stream of a stored key; a key of somebody else's counts as a stream that never comes again."""
    try:
        return Name(*msgspec.json.decode(key, type=tuple[str, str, str]))
    except msgspec.MsgspecError:
        return Name(key, "", "")


def whole_metric(metric: str) -> str:
    """Return what stands for all streams of a metric."""
    return key_of(Name(metric, "", ""))


@lru_cache(maxsize=_NAMES)
def part_of(key: str) -> str:
    """Return what a stream is called among the parts that may fail."""
    name = name_of(key)
    return f"drift of {name.metric} in {name.app}, {name.segment}" if name.app else f"drift of {name.metric}"
