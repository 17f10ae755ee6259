"""`plumbline import kafka://...`: the messages of topics, up to their ends or for as long as it runs."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Final

from collectors.importers.kafka_url import SCHEME, Topics, parse
from collectors.importers.stream import Stream
from collectors.importers.taking import Report, Taking, Terms
from monitor.clock import SystemClock
from monitor.config.read import with_secrets
from monitor.errors import UsageError
from monitor.privacy.keyed import digest
from plumbline.cli import show
from plumbline.cli.deferred import deferred
from plumbline.cli.progress import bar

if TYPE_CHECKING:
    from collectors.importers import kafka
else:
    kafka = deferred("collectors.importers.kafka")

LOST: Final = "messages that Kafka deleted before they were read"


def topics_of(places: Sequence[str], terms: Terms, folder: Path) -> Topics | None:
    """Return the topics that `places` name, or None when they name files; `folder` is where `${file:...}` begins.

    Raises `UsageError` for a topic among other places, and for terms that messages do not have.
    """
    if not any(place.lower().startswith(SCHEME) for place in places):
        return None
    if len(places) > 1:
        raise UsageError("topics are imported by themselves (several of one cluster: kafka://host:port/a,b)")
    if terms.names or (terms.format is not None and terms.format.name != "otlp"):
        raise UsageError("messages of a topic are OTLP export requests: neither --map nor another --as applies")
    topics = parse(places[0])
    settings = {name: with_secrets(value, topics.url, folder) for name, value in topics.settings.items()}
    return dataclasses.replace(topics, settings=settings)


def take_topics(
    topics: Topics, key: bytes, taking: Taking, terms: Terms, *, follow: bool = False, commit: bool = True
) -> Report:
    """Read `topics` from where this installation, known by its `key`, stopped; commit what is durable, unless it is a trial.

    With `follow` it goes on until it is interrupted or told to end, which is no error then.
    """
    reader = _open(topics, f"plumbline-{digest(key, 'kafka group')[:8]}")
    try:
        taking.report.notes.update({LOST: reader.lost} if reader.lost else {})
        with bar("import") as progress, _going(follow, topics) as going:
            groups = _shown(reader.read(follow=follow, going=going), reader, progress)
            Stream(taking, terms, reader.commit if commit else lambda _offsets: None).run(groups)
    finally:
        reader.close()
    return taking.report


def _open(topics: Topics, group: str) -> Any:
    try:
        open_reader = kafka.open_reader
    except ModuleNotFoundError as error:
        if error.name and error.name.partition(".")[0] != "confluent_kafka":
            raise
        raise UsageError(
            f"{topics.url}: topics are read through confluent-kafka (pip install 'plumbline[kafka]')"
        ) from None
    return open_reader(topics, group, SystemClock().monotonic)


def _shown(groups: Iterator[Any], reader: Any, progress: Callable[[float, str], None]) -> Iterator[Any]:
    for group in groups:
        yield group
        progress(reader.share(), "")


@contextlib.contextmanager
def _going(follow: bool, topics: Topics) -> Iterator[Callable[[], bool]]:
    """Hold what tells whether to go on. When following, Ctrl-C and SIGTERM end it after the messages at hand."""
    if not follow:
        yield lambda: True
        return
    ended = Event()
    before = {one: signal.signal(one, lambda *_: ended.set()) for one in (signal.SIGINT, signal.SIGTERM)}
    show.note(f"plumbline: following {topics.url}; Ctrl-C ends it")
    try:
        yield lambda: not ended.is_set()
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
