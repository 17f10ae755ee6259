"""The format of the store, and the numbered steps from an older one to this one.

An older store is upgraded when it is opened, in one transaction: a killed upgrade has changed nothing and is done again.
New tables and new columns need no step, they follow from `monitor.store.ddl` and are unknown (NULL) in older rows; a step
is for rows that have to change. What a newer Plumbline wrote is refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import duckdb

from monitor.errors import StoreError
from monitor.store.ddl import BASE, SQL_TYPES, create_statements

FIRST: Final = 1


@dataclass(frozen=True)
class Migration:
    """One step: from the format before it to the next. `apply` runs statements; it must not commit."""

    what: str
    apply: Callable[[duckdb.DuckDBPyConnection], object]


def _number_scores(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("ALTER TABLE base.scores ADD COLUMN IF NOT EXISTS heard BIGINT")
    seen = "SELECT max(time) FROM base.marks WHERE step IN ('drift:scores', 'compare:scores')"
    connection.execute(f"UPDATE base.scores SET heard = 0 WHERE received_at <= ({seen})")


def _apps_of_experiments(connection: duckdb.DuckDBPyConnection) -> None:
    """Sums and readouts are of an app from now on; those of a name that two apps have are summed up again from all turns."""
    for table in ("arm_units", "comparisons"):
        connection.execute(f"ALTER TABLE base.{table} ADD COLUMN IF NOT EXISTS app VARCHAR")
    apps = "SELECT experiment, any_value(app) AS app, count(DISTINCT app) AS n FROM base.turns GROUP BY experiment"
    for table in ("arm_units", "comparisons"):
        connection.execute(
            f"UPDATE base.{table} u SET app = coalesce(a.app, '') FROM ({apps}) a WHERE a.experiment = u.experiment"
        )
    connection.execute(
        f"INSERT INTO base.rereads SELECT experiment FROM ({apps}) WHERE n > 1 AND experiment IS NOT NULL"
    )


MIGRATIONS: Final[tuple[Migration, ...]] = (
    Migration("scores are fed in the order in which they came to have a turn, not of their receipt", _number_scores),
    Migration("an experiment is one of an app", _apps_of_experiments),
)
"""Oldest first; a step is added at the end and never changed once released. The first leads from format 1 to 2."""


def upgrade(connection: duckdb.DuckDBPyConnection, migrations: Sequence[Migration] | None = None) -> None:
    """Bring the store to this format, or make it. Raises `StoreError`, having changed nothing."""
    steps = MIGRATIONS if migrations is None else migrations
    known = FIRST + len(steps)
    found = _format(connection)
    if found == known and _sealed(connection) == _made_by():
        return  # the seal was set together with all tables, columns and views; to look at each takes as long as opening
    if found is not None and found > known:
        connection.close()
        raise StoreError(f"the store was written by a newer Plumbline (format {found}, this one knows {known}); update")
    connection.execute("BEGIN")
    try:
        _steps(connection, steps[found - FIRST :] if found is not None else ())
        connection.execute("DELETE FROM base.schema_version")
        connection.execute("INSERT INTO base.schema_version VALUES (?)", [known])
        seal(connection)
    except duckdb.Error as error:
        reason = " ".join(str(error).split())[:200]
        connection.close()
        raise StoreError(
            f"the store could not be upgraded from format {found} to {known}, and nothing was changed: {reason}"
        ) from error
    connection.execute("COMMIT")


def seal(connection: duckdb.DuckDBPyConnection) -> None:
    """Write down which statements made the tables and views, so that opening the store again need not run them.

    It stands on a view: an earlier version, which knows of no seal, makes its own views in their place, and breaks it by that.
    """
    connection.execute(f"COMMENT ON VIEW {SEALED} IS '{_made_by()}'")


def _made_by() -> str:
    return hashlib.sha256("\n".join((duckdb.__version__, *create_statements())).encode()).hexdigest()


SEALED: Final = "turns"


def _sealed(connection: duckdb.DuckDBPyConnection) -> str | None:
    found = connection.execute(
        "SELECT comment FROM duckdb_views() WHERE schema_name = 'main' AND view_name = ?", [SEALED]
    ).fetchone()
    return None if found is None else found[0]


def _format(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Return the format of the store; None for one that is being made."""
    try:
        found = connection.execute("SELECT max(version) FROM base.schema_version").fetchone()
    except duckdb.CatalogException:  # to ask the catalog first takes ten times as long
        return None
    return None if found is None else found[0]


def _steps(connection: duckdb.DuckDBPyConnection, migrations: Sequence[Migration]) -> None:
    connection.execute("CREATE SCHEMA IF NOT EXISTS base")
    connection.execute("CREATE TABLE IF NOT EXISTS base.schema_version (version INTEGER)")
    for migration in migrations:
        migration.apply(connection)
    _grow(connection)
    for statement in create_statements():
        connection.execute(statement)


def _grow(connection: duckdb.DuckDBPyConnection) -> None:
    """Give the tables of an older store the columns that came since; they are unknown (NULL) in its rows."""
    for table, column in _missing(connection):
        kind = SQL_TYPES[BASE[table][column]].split()[0]
        connection.execute(f"ALTER TABLE base.{table} ADD COLUMN {column} {kind}")


def _missing(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return the columns that tables which are there lack."""
    found = connection.execute("SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'base'")
    present: dict[str, set[str]] = {}
    for table, column in found.fetchall():
        present.setdefault(table, set()).add(column)
    return [
        (table, column)
        for table, columns in BASE.items()
        for column in columns.keys() - present.get(table, columns.keys())
    ]
