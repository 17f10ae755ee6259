"""Stores of older formats: opened, upgraded in one transaction, gone on with after a kill; newer ones are refused."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from monitor.clock import FakeClock
from monitor.errors import StoreError
from monitor.store import migrations
from monitor.store.ddl import create_statements
from monitor.store.migrations import Migration
from monitor.store.opening import Store
from monitor.store.verify import problems
from monitor.store.views import VIEWS
from tests.store.rows import START
from tests.support.forks import running

FORMAT_1 = Path(__file__).parent / "formats" / "format_1.sql"
RENAMED = Migration("apps are written in capitals", lambda c: c.execute("UPDATE base.turns SET app = upper(app)"))

KILLED = """
import os, signal, sys
from pathlib import Path
from monitor.clock import SystemClock
from monitor.store import migrations
from monitor.store.opening import Store

def apply(connection):
    connection.execute("UPDATE base.turns SET app = 'half'")
    connection.execute("CREATE TABLE base.half (a INTEGER)")
    os.kill(os.getpid(), signal.SIGKILL)

migrations.MIGRATIONS = (migrations.Migration("never ends", apply),)
Store.open(Path(sys.argv[1]), clock=SystemClock())
"""


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A data directory whose store commit 227cbbc has written."""
    with duckdb.connect(str(tmp_path / "plumbline.duckdb")) as connection:
        connection.execute(FORMAT_1.read_text())
    return tmp_path


@pytest.fixture
def apps(older: Path) -> Callable[[], list[object]]:
    def read() -> list[object]:
        store = Store.open(older, clock=FakeClock(START))
        try:
            return [row["app"] for row in store.read("SELECT app FROM turns").to_pylist()]
        finally:
            store.close()

    return read


def formats_of(folder: Path) -> list[tuple[int]]:
    with duckdb.connect(str(folder / "plumbline.duckdb")) as connection:
        return connection.execute("SELECT version FROM base.schema_version").fetchall()


def test_a_store_of_the_first_format_opens_and_every_view_answers(older: Path) -> None:
    store = Store.open(older, clock=FakeClock(START))
    assert store.read("SELECT app, model FROM turns").to_pylist() == [{"app": "shop", "model": "m-1"}]
    for view in VIEWS:
        store.read(f"SELECT * FROM {view} LIMIT 1")
    assert problems(store) == []
    store.close()
    assert formats_of(older) == [(migrations.FIRST + len(migrations.MIGRATIONS),)]


def test_a_step_changes_rows_once(
    older: Path, apps: Callable[[], list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    doubled = Migration("names are doubled", lambda c: c.execute("UPDATE base.turns SET app = app || app"))
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, RENAMED, doubled))
    assert apps() == ["SHOPSHOP"]
    assert apps() == ["SHOPSHOP"]
    assert formats_of(older) == [(migrations.FIRST + len(migrations.MIGRATIONS),)]


def test_a_killed_upgrade_has_changed_nothing_and_goes_on(older: Path, apps: Callable[[], list[object]]) -> None:
    assert running(KILLED, str(older)).wait() == -signal.SIGKILL
    assert formats_of(older) == [(1,)]
    assert apps() == ["shop"]


def test_a_step_that_fails_is_one_line_and_the_store_stays_where_it_is(
    older: Path, apps: Callable[[], list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Migration("cannot be", lambda c: c.execute("UPDATE base.turns SET nothing = 1"))
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "MIGRATIONS", (RENAMED, broken))
        with pytest.raises(StoreError, match="could not be upgraded from format 1 to 3, and nothing was changed"):
            Store.open(older, clock=FakeClock(START))
    assert not list(older.glob("*.unreadable-*"))
    assert apps() == ["shop"]


def test_a_newer_format_is_refused_in_one_line(older: Path) -> None:
    with duckdb.connect(str(older / "plumbline.duckdb")) as connection:
        connection.execute("UPDATE base.schema_version SET version = 99")
    with pytest.raises(StoreError, match="written by a newer Plumbline") as refused:
        Store.open(older, clock=FakeClock(START))
    assert "\n" not in str(refused.value)
    assert formats_of(older) == [(99,)]


def test_a_store_of_this_very_version_is_opened_without_making_anything(
    apps: Callable[[], list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert apps() == ["shop"]
    monkeypatch.setattr(migrations, "_steps", None)
    assert apps() == ["shop"]


def test_views_that_a_new_version_words_otherwise_are_made_anew(
    apps: Callable[[], list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert apps() == ["shop"]
    otherwise = "CREATE OR REPLACE VIEW main.turns AS SELECT 'of the new version' AS app"
    monkeypatch.setattr(migrations, "create_statements", lambda: [*create_statements(), otherwise])
    assert apps() == ["of the new version"]
