"""`kafka://host:port[,host:port]/topic[,topic][?setting=value]`: which topics of which brokers, and how to reach them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote

from monitor.errors import UsageError

SCHEME: Final = "kafka://"
PORT: Final = 9092
TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")
BROKER: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
OURS: Final = re.compile(
    r"bootstrap\.servers|metadata\.broker\.list|enable\.auto\..*|enable\.partition\.eof|auto\.offset\.reset|.*_cb"
)
"""Settings that decide whether a message is lost or doubled."""

EXAMPLE: Final = "kafka://broker:9092/otlp_spans"


@dataclass(frozen=True)
class Topics:
    """Topics of one cluster; `settings` are librdkafka's, such as `security.protocol`. `url` is for people: without settings."""

    brokers: str
    names: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        """The URL without its settings, which may be secrets."""
        return f"{SCHEME}{self.brokers}/{','.join(self.names)}"


def parse(url: str) -> Topics:
    """Return what `url` names. Raises `UsageError`, which does not repeat the settings.

    >>> parse("kafka://a,b:9093/otlp_spans").brokers
    'a:9092,b:9093'
    """
    place, _, query = url.removeprefix(SCHEME).partition("?")
    hosts, _, path = place.partition("/")
    brokers, names = hosts.split(","), tuple(dict.fromkeys(unquote(path.rstrip("/")).split(",")))
    if not all(BROKER.fullmatch(one) for one in brokers) or not all(TOPIC.fullmatch(name) for name in names):
        raise UsageError(f"{SCHEME}{place} does not name a broker and a topic, such as {EXAMPLE}")
    settings = dict(parse_qsl(query, keep_blank_values=True))
    ours = next((name for name in settings if OURS.fullmatch(name)), None)
    if ours:
        raise UsageError(f"{SCHEME}{place}: {ours} is not for you to set (it decides whether messages are lost)")
    return Topics(",".join(one if _has_port(one) else f"{one}:{PORT}" for one in brokers), names, settings)


def _has_port(broker: str) -> bool:
    return ":" in broker.rpartition("]")[2]
