"""Opening, owning and locking down the store; damage is set aside and rebuilt from the spool."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from monitor.clock import FakeClock
from monitor.errors import StoreError, StoreInUse
from monitor.store import transaction
from monitor.store.maintain import maintain
from monitor.store.opening import Store
from monitor.store.removal.erase import Wanted, erase_rows, searched
from monitor.store.transaction import KEPT, LONGEST, parsed
from monitor.store.verify import problems
from tests.store.rows import START, TRACE, Home, Row, a_call, frame, texts

pytestmark = pytest.mark.usefixtures("made_anew")


def test_a_second_owner_is_told_who_the_first_is(home: Home) -> None:
    code = (
        "import sys; from pathlib import Path; from monitor.clock import SystemClock; from monitor.errors import StoreInUse\n"
        "from monitor.store.opening import Store\n"
        f"try: Store.open(Path({str(home.folder)!r}), clock=SystemClock())\n"
        "except StoreInUse as error: print(error); sys.exit(error.exit_code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert str(os.getpid()) in done.stdout
    with pytest.raises(StoreInUse):
        Store.open(home.folder, clock=home.clock)


def test_files_are_private(home: Home) -> None:
    assert home.folder.stat().st_mode & 0o777 == 0o700
    assert (home.folder / "plumbline.duckdb").stat().st_mode & 0o777 == 0o600


def test_a_transaction_that_fails_leaves_nothing(home: Home) -> None:
    def half() -> None:
        with home.store.transaction() as txn:
            txn.execute("INSERT INTO base.marks VALUES ('x', 1, NULL, NULL)")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        half()
    assert home.rows("SELECT * FROM base.marks") == []


@pytest.mark.parametrize("damage", ["cut", "noise"])
def test_a_file_that_cannot_be_read_is_set_aside_and_rebuilt(home: Home, damage: str) -> None:
    home.take(frame(spans=[a_call("c1"), a_call("c2", 1)], content=[texts("c1")]))
    home.store.close()
    file = home.folder / "plumbline.duckdb"
    whole = file.read_bytes()
    file.write_bytes(whole[:4000] if damage == "cut" else os.urandom(len(whole)))
    with pytest.raises(StoreError, match="is damaged"):
        Store.open(home.folder, clock=home.clock)
    assert not list(home.folder.glob("*.unreadable-*")), "who only reads moves nothing"
    again = Home(home.folder, repair=True)
    again.take()
    assert again.rows("SELECT count(*) AS n FROM spans") == [{"n": 2}]
    assert [path.name for path in home.folder.glob("*.unreadable-*")]
    assert problems(again.store) == []
    again.store.close()


def test_a_newer_store_is_refused(home: Home) -> None:
    with home.store.transaction() as txn:
        txn.execute("UPDATE base.schema_version SET version = 99")
    home.store.close()
    with pytest.raises(StoreError, match="newer Plumbline"):
        Store.open(home.folder, clock=home.clock)


def test_an_older_store_gains_the_columns_that_came_since(home: Home) -> None:
    home.take(frame(spans=[a_call("c1")]))
    home.store.close()
    with duckdb.connect(str(home.folder / "plumbline.duckdb")) as older:
        older.execute("ALTER TABLE base.spans DROP COLUMN tool_call_id")
        older.execute("COMMENT ON VIEW turns IS 'sealed by the version before'")
    again = Home(home.folder)
    again.take(frame(spans=[a_call("c2", 1)]))
    assert again.rows("SELECT span_id, tool_call_id FROM spans ORDER BY time")[0]["tool_call_id"] is None
    assert again.rows("SELECT count(*) AS n FROM calls") == [{"n": 2}]
    again.store.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a user to give the folder to")
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a folder")
    with pytest.raises(StoreError, match="must be able to write"):
        Store.open(file, clock=FakeClock(START))


def test_erasing_an_app_takes_all_of_it_and_nothing_else(home: Home) -> None:
    other: Row = {"trace_id": "cd" * 16, "app": "kept", "source": "kept"}
    home.take(
        frame(spans=[a_call("c1"), a_call("c2", **other)], content=[texts("c1"), texts("c2", trace_id="cd" * 16)])
    )
    home.finish()
    removed = erase_rows(home.store, Wanted("app", frozenset(["shop"])), b"k")
    searched(home.store)
    assert (removed["spans"], removed["turns"], removed["content"]) == (1, 1, 1)
    assert [row["app"] for row in home.rows("SELECT app FROM calls")] == ["kept"]
    assert home.rows(f"SELECT * FROM base.content WHERE trace_id = '{TRACE}'") == []
    assert sum(erase_rows(home.store, Wanted("app", frozenset(["shop"])), b"k").values()) == 0


def test_a_segment_goes_only_when_it_is_loaded_and_old(home: Home) -> None:
    home.take(frame(spans=[a_call("c1")]))
    assert maintain(home.store, home.folder / "spool", timedelta(0)) == 0, "the newest segment always stays"
    assert home.take(frame(spans=[a_call("c1")])).duplicate == 1


def test_rows_are_those_of_a_frame_and_their_statement_is_parsed_once(home: Home) -> None:
    asked = "SELECT i, i::VARCHAR AS word, TIMESTAMP '2026-01-01' + to_days(i::INT) AS time, NULL AS none FROM range(?) r(i)"
    for n in (0, 3, 7):
        assert home.store.rows(asked, [n]) == list(home.store.frame(asked, [n]).iter_rows())
        with home.store.transaction() as txn:
            assert txn.rows(asked, [n]) == list(txn.frame(asked, [n]).iter_rows())
    assert parsed(home.store.connection, asked) is parsed(home.store.connection, asked)
    with pytest.raises(StoreError, match="nowhere"):
        home.store.rows("SELECT * FROM nowhere")


def test_a_statement_that_was_parsed_once_serves_all_threads(home: Home) -> None:
    def ask(n: int) -> bool:
        asked, answer = "SELECT count(*), ?::BIGINT FROM range(?)", [(n, -n)]
        return home.store.rows(asked, [-n, n]) == list(home.store.frame(asked, [-n, n]).iter_rows()) == answer

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(200)))


def test_what_names_mean_is_looked_up_each_time(home: Home) -> None:
    asked = "SELECT n FROM temp.lent"
    for n in (1, 2):
        with home.store.transaction() as txn:
            txn.execute("CREATE OR REPLACE TEMP TABLE lent AS SELECT ? AS n", [n if n == 1 else "two"])
            assert txn.rows(asked) == [(n if n == 1 else "two",)]


def test_what_is_asked_again_stays_parsed_however_many_are_asked_once(home: Home) -> None:
    hot = "SELECT 'again'"
    first = parsed(home.store.connection, hot)
    for n in range(3 * KEPT):
        parsed(home.store.connection, f"SELECT {n}")
        if n % 100 == 0:
            assert parsed(home.store.connection, hot) is first
    assert len(transaction._PARSED) <= KEPT
    long = f"SELECT '{'x' * LONGEST}'"
    assert parsed(home.store.connection, long) is long, "megabytes are not kept"


@pytest.mark.parametrize("table", ["base.grades", 'base."grades"', "BASE.Grades"])
def test_a_write_is_noticed_however_its_table_is_spelt(home: Home, table: str) -> None:
    before = home.store.state(["grades"]), home.store.state(["turns"])
    with home.store.transaction() as txn:
        txn.execute(f"DELETE FROM {table}")
    assert home.store.state(["grades"]) != before[0]
    assert home.store.state(["turns"]) == before[1]
