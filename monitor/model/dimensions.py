"""The dimensions of a turn, named once: what traffic is split by, filtered by, and what a change may be blamed on.

A new dimension is a line here. The store gives its tables the column (`monitor.store.ddl` takes it from this table, an
older store grows it when it is opened), reads carry it, pages filter by it, drift splits by it and blames it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Shared = Literal["no", "root", "any"]
"""From where a span that lacks it takes it: from no other span, from the root of its trace, or from any span of it."""


@dataclass(frozen=True)
class Dimension:
    """One column of turns whose values make groups.

    `cause` is the rank among what a change is blamed on, most telling first; None is never blamed. `people` are users and
    sessions: found by an id in every form it may be stored in. `reported` columns may be looked at side by side.
    """

    name: str
    title: str
    shared: Shared = "no"
    cause: int | None = None
    people: bool = False
    reported: bool = False


DIMENSIONS: Final = (
    Dimension("app", "App"),
    Dimension("environment", "Environment", shared="root", cause=3, reported=True),
    Dimension("release", "Release", shared="root", cause=2, reported=True),
    Dimension("user_id", "User", shared="any", people=True),
    Dimension("session_id", "Session", shared="any", people=True),
    Dimension("experiment", "Experiment", shared="any"),
    Dimension("variant", "Arm", shared="any", cause=4, reported=True),
    Dimension("prompt_name", "Prompt", shared="root", reported=True),
    Dimension("prompt_version", "Prompt version", shared="root", cause=1, reported=True),
    Dimension("model", "Model", cause=0, reported=True),
    Dimension("region", "Region", shared="any"),
    Dimension("channel", "Channel", shared="any"),
    Dimension("audience", "Audience", shared="any"),
    Dimension("tenant", "Tenant", shared="any"),
    Dimension("language", "Language", shared="any"),
)

NAMES: Final = tuple(dict.fromkeys(dimension.name for dimension in DIMENSIONS))

OF_SPANS: Final = tuple(name for name in NAMES if name != "model")
"""Columns that every span carries; the model of a turn is that of its last call."""

SEGMENTABLE: Final = tuple(name for name in NAMES if name != "app")
"""Columns that split the turns of one app."""

CAUSES: Final = tuple(
    dimension.name for dimension in sorted((d for d in DIMENSIONS if d.cause is not None), key=lambda d: d.cause or 0)
)
"""Columns whose shift is named as the cause of a change, most telling first."""

SHARED: Final = tuple(dict.fromkeys(dimension.name for dimension in DIMENSIONS if dimension.shared != "no"))
SHARED_BY_ANY: Final = tuple(dimension.name for dimension in DIMENSIONS if dimension.shared == "any")

OF_AUDIENCE: Final = ("region", "channel", "audience", "tenant", "language")
"""Who is spoken to, and where: what the scope of a policy asks for. Settings and the SDK may say it (`dimensions:`, `context`)."""

OTHERS: Final = "(others)"
"""What the values of a dimension of audience are called that are more than an app may have."""

MOST_VALUES: Final = 200
"""Values that a dimension of audience may have in an app; later ones go by `OTHERS`."""

REPORTED: Final = tuple(dimension.name for dimension in DIMENSIONS if dimension.reported)
