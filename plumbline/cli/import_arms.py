"""What an import changed about experiments: who was exposed, how many turns are in it, and who saw more than one arm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from plumbline.api.questions import Sql
from plumbline.cli.session import Session

MOST: Final = 1000
"""Experiments that are looked at."""

ARMS: Final = """
    WITH entered AS (
        SELECT experiment, count(DISTINCT user_id) AS exposed, count(DISTINCT user_id) FILTER (contaminated) AS exposed_twice
        FROM exposures GROUP BY experiment),
    taken AS (SELECT experiment, count(*) AS turns FROM turns WHERE variant IS NOT NULL GROUP BY experiment),
    mixed AS (
        SELECT experiment, count(*) FILTER (unit_kind = 'session') AS sessions, count(*) FILTER (unit_kind = 'user') AS users
        FROM contamination GROUP BY experiment)
    SELECT coalesce(e.experiment, t.experiment) AS experiment, coalesce(exposed, 0) AS exposed,
           coalesce(exposed_twice, 0) AS exposed_twice, coalesce(turns, 0) AS turns,
           coalesce(sessions, 0) AS sessions, coalesce(users, 0) AS users
    FROM entered e FULL JOIN taken t ON t.experiment = e.experiment
    LEFT JOIN mixed m ON m.experiment = coalesce(e.experiment, t.experiment)
    WHERE coalesce(e.experiment, t.experiment) IS NOT NULL ORDER BY 1"""


@dataclass(frozen=True)
class Arms:
    """One experiment. `exposed` users were uploaded as exposed, `exposed_twice` of them to more than one arm; `turns` have an arm.

    `sessions` and `users` had turns in more than one arm: a comparison leaves them out.
    """

    experiment: str
    exposed: int
    exposed_twice: int
    turns: int
    sessions: int
    users: int


def arms_now(asked: Session) -> dict[str, Arms]:
    """Return the experiments that the store knows, by name."""
    rows = asked.ask(Sql(ARMS, MOST))["rows"]
    return {str(row[0]): Arms(str(row[0]), *map(int, row[1:])) for row in rows}


def changed(before: Mapping[str, Arms], after: Mapping[str, Arms]) -> list[Arms]:
    """Return the experiments that are not what they were."""
    return [arms for name, arms in after.items() if arms != before.get(name)]


def lines_of(arms: Arms) -> Iterator[str]:
    """Say it in a line, and in a second one who was in two arms."""
    uploaded = f"{_of(arms.exposed, 'user')} exposed, " if arms.exposed else ""
    twice = f"{arms.exposed_twice} of them to more than one arm, " if arms.exposed_twice else ""
    yield f"experiment {arms.experiment}: {uploaded}{twice}{_of(arms.turns, 'turn')} with an arm"
    if arms.sessions or arms.users:
        mixed = f"{_of(arms.sessions, 'session')} and {_of(arms.users, 'user')}"
        yield f"experiment {arms.experiment}: {mixed} saw more than one arm and count for none (view contamination)"


def _of(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
