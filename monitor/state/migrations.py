"""The format of the control state, and the numbered steps from an older one to this one.

An older file is upgraded when it is opened, in one transaction. New tables follow from `monitor.state.tables`; a new column
or a changed row is a step here. What a newer Plumbline wrote is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from monitor.errors import StoreError
from monitor.state.erasure_tables import OF_ERASURES
from monitor.state.incident_tables import OF_INCIDENTS
from monitor.state.making import make_tables
from monitor.state.parts import count_parts
from monitor.state.review_tables import OF_REVIEWS
from monitor.state.tables import METADATA

FIRST: Final = 1


@dataclass(frozen=True)
class Migration:
    """One step: from the format before it to the next. `apply` runs statements in the open transaction."""

    what: str
    apply: Callable[[Connection], object]


_APART: Final = [
    "\nCREATE TABLE credentials (\n    digest TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, scopes TEXT,\n    made_at DATETIME NOT NULL, seen_at DATETIME, expires_at DATETIME, ended_at DATETIME\n)",
    "\nCREATE INDEX credentials_of ON credentials (name)",
    "\nINSERT INTO credentials SELECT credential, 'key', name, NULL, added_at, NULL, NULL, revoked_at FROM people",
    "\nALTER TABLE people RENAME TO people_3",
    "\nCREATE TABLE people (\n    name TEXT NOT NULL PRIMARY KEY, role TEXT NOT NULL, password TEXT, apps TEXT,\n    added_at DATETIME NOT NULL, revoked_at DATETIME\n)",
    "\nINSERT INTO people SELECT name, role, NULL, NULL, added_at, revoked_at FROM people_3",
    "\nDROP TABLE people_3",
    "\nALTER TABLE audit ADD COLUMN on_behalf_of TEXT\n",
]


def _credentials_apart(connection: Connection) -> None:
    """A file of format 1 or 2 had no people yet: there the tables follow from METADATA as they are now."""
    known = connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'people'").first()
    if known is None:
        return
    for statement in _APART:
        connection.exec_driver_sql(statement)


def _handles(connection: Connection) -> None:
    """Threads of a chat; messages that were sent before begin none."""
    connection.exec_driver_sql("ALTER TABLE outbox ADD COLUMN handle TEXT")


def _labels_by_review(connection: Connection) -> None:
    """The tables of reviews follow from METADATA; an index on a table that is there does not."""
    if connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'labels'").first() is not None:
        connection.exec_driver_sql("CREATE INDEX IF NOT EXISTS labels_in ON labels (review_id)")


def _labels_by_item(connection: Connection) -> None:
    """Indexes on tables that may be there already."""
    for table, name in (("labels", "labels_said"), ("review_items", "review_items_in")):
        if connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).first() is not None:
            connection.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {name} ON {table} (review_id, unit_id)")


def _chance(connection: Connection) -> None:
    """Picks say how probable they were to be picked; those of before do not know it."""
    if connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'review_items'").first() is not None:
        connection.exec_driver_sql("ALTER TABLE review_items ADD COLUMN pick_probability FLOAT")


def _by_alert(connection: Connection) -> None:
    """A table that is there already gets no new index from METADATA."""
    connection.exec_driver_sql("CREATE INDEX IF NOT EXISTS outbox_of ON outbox (fingerprint, episode)")


def _orders_of_silence(connection: Connection) -> None:
    """Silences over several alerts follow from METADATA; the silences of each alert say which one they follow from."""
    columns = connection.exec_driver_sql("PRAGMA table_info(silences)").all()
    if columns and "order_id" not in {column[1] for column in columns}:
        connection.exec_driver_sql("ALTER TABLE silences ADD COLUMN order_id INTEGER")


MIGRATIONS: Final[tuple[Migration, ...]] = (
    Migration(
        "the progress of jobs was kept and never read",
        lambda connection: connection.exec_driver_sql("DROP TABLE IF EXISTS jobs"),
    ),
    Migration("people and the audit have tables of their own, which follow from METADATA", lambda _: None),
    Migration("credentials lie apart from people, and the audit says for whom an admin acted", _credentials_apart),
    Migration("labels have a table of their own, which follows from METADATA", lambda _: None),
    Migration("versions of policies have a table of their own, which follows from METADATA", lambda _: None),
    Migration("notes and commands have tables of their own, which follow from METADATA", lambda _: None),
    Migration(
        "who took up an alert, and who silenced it, have tables of their own, which follow from METADATA",
        lambda _: None,
    ),
    Migration("holds have a table of their own, which follows from METADATA", lambda _: None),
    Migration("messages have a name at their receiver, so that later ones go below them", _handles),
    Migration("reviews have tables of their own, and labels are found by their review", _labels_by_review),
    Migration("incidents have tables of their own, which follow from OF_INCIDENTS", lambda _: None),
    Migration("what was said in a review is found by its turn", _labels_by_item),
    Migration("messages are found by their alert", _by_alert),
    Migration("silences over several alerts and assignments have tables of their own", _orders_of_silence),
    Migration("what judges spend has a table of its own, which follows from METADATA", lambda _: None),
    Migration("picks of a review say how probable they were to be picked, and parts of tables are counted", _chance),
    Migration("requests to erase have a table of their own, which follows from OF_ERASURES", lambda _: None),
)
"""Oldest first; a step is added at the end and never changed once released. The first leads from format 1 to 2."""


def upgrade(connection: Connection, name: str, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the file `name` to this format, or make it, within the transaction of `connection`. Raises `StoreError`."""
    known = FIRST + len(migrations)
    found = int(connection.exec_driver_sql("PRAGMA user_version").scalar() or 0)
    if found > known:
        raise StoreError(f"{name}: written by a newer Plumbline (format {found}, this one knows {known}); update it")
    if found == known:
        return
    for migration in migrations[found - FIRST :] if found else ():
        migration.apply(connection)
    make_tables(connection, METADATA, OF_REVIEWS, OF_INCIDENTS, OF_ERASURES)
    count_parts(connection)
    connection.exec_driver_sql(f"PRAGMA user_version={known}")
