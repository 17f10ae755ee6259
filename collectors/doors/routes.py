"""What is served where: the tail of a path says which, since clients put any base in front of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from collectors import changes
from collectors.answers import HttpAnswer, Refused, otlp_success
from collectors.decode import Outcome
from collectors.intake import Signal
from collectors.scores import langfuse, ours, phoenix


@dataclass(frozen=True)
class Route:
    """A POST that brings data: the tail of its path, what it carries, and how it is answered (media, outcome)."""

    tail: str
    signal: Signal
    reply: Callable[[str, Outcome], HttpAnswer]
    only_json: bool = True


ROUTES: Final = (
    Route("/v1/traces", "traces", partial(otlp_success, "traces"), only_json=False),
    Route("/v1/logs", "logs", partial(otlp_success, "logs"), only_json=False),
    Route("/v1/metrics", "metrics", partial(otlp_success, "metrics"), only_json=False),
    Route("/v1/scores", "scores", lambda _, outcome: ours.reply(outcome)),
    Route("/v1/changes", "changes", lambda _, outcome: changes.reply(outcome)),
    Route("/api/public/scores", "langfuse_scores", lambda _, outcome: langfuse.score_reply(outcome)),
    Route("/api/public/ingestion", "langfuse_events", lambda _, outcome: langfuse.events_reply(outcome)),
    Route("/v1/span_annotations", "annotations", lambda _, outcome: phoenix.reply(outcome)),
    Route("/v1/trace_annotations", "annotations", lambda _, outcome: phoenix.reply(outcome)),
)

MEDIA: Final = "/api/public/media"
"""Langfuse uploads attachments beside its spans; they are not kept."""

OPEN_LOOKS: Final = ("", "/healthz", "/metrics", "/api/public/health")
"""What is answered without a key: nothing in it comes from a sender."""

LOOKS: Final = {"/api/public/health": langfuse.HEALTH, "/api/public/projects": langfuse.PROJECTS}


def route_of(path: str, method: str) -> Route:
    """Return the route of a path without a trailing slash. Raises `Refused`."""
    for route in ROUTES:
        if path.endswith(route.tail):
            if method != "POST":
                raise Refused(405, f"{method[:10]} is not supported here (use POST)")
            return route
    raise Refused(
        404,
        f"nothing is served at {path[:100] or '/'} (POST to /v1/traces, /v1/logs, /v1/metrics, /v1/scores or /v1/changes)",
    )
