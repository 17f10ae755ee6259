"""SQL that a person wrote: what it may do, and that nothing it says can write, look out of the store, or outlast its limit."""

from __future__ import annotations

import hashlib
import queue
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import BadSql
from monitor.store.ddl import BASE
from monitor.store.user_sql import child
from monitor.store.user_sql.frames import Asked, Ready, Refused, Rows
from monitor.store.user_sql.readers import Readers
from monitor.store.user_sql.tree import check
from monitor.store.views import VIEWS
from tests.store.rows import Home, a_call, frame, texts

pytestmark = pytest.mark.usefixtures("readers_anew")

EXTRA = {"alerts": pa.table({"rule_id": ["drift"]})}


class Asking:
    """A home with one call in it, and whoever reads from it."""

    def __init__(self, folder: Path) -> None:
        """Fill the home."""
        self.home = Home(folder)
        self.home.take(frame(spans=[a_call("c1")], content=[texts("c1")]))
        self.home.finish()
        self.readers = Readers(self.home.store, folder / "sql")

    def ask(self, sql: str, max_rows: int = 100, timeout_s: float = 10) -> pa.Table:
        """Return the rows of `sql`."""
        return self.readers.ask(sql, max_rows=max_rows, timeout_s=timeout_s, extra=EXTRA).table

    def digest(self) -> str:
        """Return a hash over every row of every table."""
        found = hashlib.sha256()
        for name in (*BASE, "schema_version"):
            found.update(repr(self.home.rows(f"SELECT * FROM base.{name} ORDER BY ALL")).encode())
        return found.hexdigest()


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """One home for all questions: no answer may depend on the one before."""
    found = Asking(tmp_path_factory.mktemp("asked") / "data")
    yield found
    found.readers.forget()
    found.home.store.close()


def test_a_person_may_select(asking: Asking) -> None:
    assert asking.ask("SELECT input_text, output_text FROM calls").to_pylist() == [
        {"input_text": "hi", "output_text": "hello"}
    ]
    assert asking.ask("WITH x AS (SELECT 1 AS a) SELECT * FROM x -- done").num_rows == 1
    assert asking.ask("SELECT rule_id FROM alerts").to_pylist() == [{"rule_id": "drift"}]
    assert asking.ask("SELECT * FROM range(1000)", max_rows=7).num_rows == 7


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_answers(asking: Asking, view: str) -> None:
    assert asking.ask(f"SELECT * FROM {view}", 5).column_names
    assert asking.ask(f"DESCRIBE {view}").num_rows


@pytest.mark.parametrize(
    "sql",
    [
        "FROM spans",
        "VALUES (1), (2)",
        "SHOW TABLES",
        "SUMMARIZE calls",
        "SELECT app, count(*) FILTER (cost_usd > 1), max(cost_usd) FROM calls GROUP BY ALL",
        "SELECT sum(cost_usd) OVER (PARTITION BY app ORDER BY time), * EXCLUDE (app), COLUMNS('.*_tokens') FROM calls QUALIFY row_number() OVER (ORDER BY time) = 1",
        "SELECT list_transform([1, 2], lambda x: x + 1), [y * 2 FOR y IN [1, 2] IF y > 1], {'a': 1}.a, 'a' LIKE 'b'",
        "WITH RECURSIVE r AS (SELECT 1 a UNION ALL SELECT a + 1 FROM r WHERE a < 5) SELECT max(a) FROM r",
        "FROM (PIVOT calls ON app IN ('shop') USING count(*) GROUP BY operation)",
        "SELECT a.time FROM calls a ASOF JOIN calls b ON a.time >= b.time",
        "SELECT time AT TIME ZONE 'Europe/Berlin', time + INTERVAL 3 DAYS, date_trunc('hour', time) FROM calls ORDER BY 1 LIMIT 3",
        "SELECT CASE WHEN app IN (SELECT app FROM turns) THEN 1 END, app::VARCHAR, EXISTS (SELECT 1) FROM calls",
        "SELECT input_messages->0->>'role', json_extract_string(input_messages, '$[0].role') FROM calls",
        "SELECT DISTINCT ON (app) app FROM calls, LATERAL (SELECT 1), unnest([1, 2]) AS u(n) LIMIT 10%",
        "SELECT table_name FROM information_schema.tables",
        'SELECT c.user FROM (SELECT user_id AS "user" FROM calls) c',
        "SELECT quantile_cont(duration_ms, 0.99), approx_count_distinct(app), mode(app) FROM main.calls TABLESAMPLE 50%",
        "SELECT text_of(input_messages), user_text(input_messages) FROM base.content",
        "SELECT count(*) FROM base.spans EXCEPT SELECT 1 INTERSECT SELECT 2",
    ],
)
def test_what_a_person_writes_in_earnest_is_allowed(asking: Asking, sql: str) -> None:
    assert asking.ask(sql).column_names


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "SELECT 1; SELECT 2",
        "DROP TABLE base.spans",
        "DELETE FROM base.spans",
        "INSERT INTO base.marks VALUES ('x', 1, NULL, NULL)",
        "UPDATE base.spans SET app = 'x'",
        "CREATE TABLE x AS SELECT 1",
        "COPY base.spans TO '/tmp/x.csv'",
        "EXPORT DATABASE '/tmp/x'",
        "ATTACH '/tmp/x.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET memory_limit = '100GB'",
        "PRAGMA database_list",
        "CHECKPOINT",
        "CALL pragma_version()",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/*')",
        "SELECT getenv('HOME')",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM duckdb_settings",
        "SELECT * FROM duckdb_secrets()",
        "SELECT current_setting('memory_limit')",
        "SELECT * FROM sqlite_master",
        "SELECT nothing FROM calls",
        "SELECT nothing FROM nowhere",
        "SELEC 1",
        "VACUUM",
        "BEGIN TRANSACTION",
        "EXPLAIN SELECT 1",
        "SELECT sleep_ms(1000)",
        "SELECT write_log('x')",
        "SELECT nextval('s')",
        "SELECT * FROM checkpoint()",
        "SELECT * FROM force_checkpoint()",
        "SELECT " + "(" * 3000 + "1" + ")" * 3000,
        "SELECT " + "-" * 3000 + " 1",
        "SELECT 1" + " + 1" * 20_000,
        "SELECT \x00",
        "SELECT '\ud800'".encode("utf-8", "replace").decode() + "; DROP TABLE base.spans",
    ],
)
def test_a_person_may_not_do_anything_else(asking: Asking, sql: str) -> None:
    before = asking.digest()
    with pytest.raises(BadSql) as error:
        asking.ask(sql)
    assert "\n" not in str(error.value)
    assert asking.digest() == before


VERBS = (
    "DELETE FROM base.spans RETURNING trace_id",
    "INSERT INTO base.schema_version VALUES (99) RETURNING version",
    "UPDATE base.spans SET app = 'x' RETURNING app",
    "COPY base.spans TO 'stolen.csv'",
    "MERGE INTO base.spans t USING base.spans s ON t.trace_id = s.trace_id WHEN MATCHED THEN DELETE RETURNING app",
    "TRUNCATE base.spans",
    "DROP TABLE base.spans",
    "CREATE TABLE base.mine AS SELECT 1",
    "CREATE MACRO mine() AS 1",
    "ALTER TABLE base.spans DROP COLUMN app",
    "CHECKPOINT",
)
PLACES = {
    "bare": "{verb}",
    "cte": "WITH x AS ({verb}) SELECT count(*) FROM x",
    "materialized": "WITH x AS MATERIALIZED ({verb}) SELECT 1",
    "nested cte": "WITH y AS (WITH x AS ({verb}) SELECT * FROM x) SELECT * FROM y",
    "cte in a subquery": "SELECT (WITH x AS ({verb}) SELECT count(*) FROM x)",
    "cte in FROM": "SELECT * FROM (WITH x AS ({verb}) SELECT * FROM x)",
    "cte in a union": "SELECT 1 UNION ALL (WITH x AS ({verb}) SELECT 2 FROM x)",
    "cte in EXISTS": "SELECT 1 WHERE EXISTS (WITH x AS ({verb}) SELECT * FROM x)",
    "recursion": "WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL (WITH x AS ({verb}) SELECT 1 FROM x)) SELECT * FROM r",
    "subquery": "SELECT * FROM ({verb})",
    "scalar": "SELECT ({verb})",
    "described": "DESCRIBE {verb}",
    "summarized": "SUMMARIZE WITH x AS ({verb}) SELECT * FROM x",
    "query()": "SELECT * FROM query({text})",
    "query() in a CTE": "WITH x AS (SELECT * FROM query({text})) SELECT * FROM x",
    "query_table()": "SELECT * FROM query_table({text})",
    "executed tree": "SELECT * FROM json_execute_serialized_sql(json_serialize_sql({text}))",
    "pragma tree": "PRAGMA json_execute_serialized_sql({text})",
    "unparsed tree": "SELECT json_deserialize_sql({text})",
    "of the system": "SELECT * FROM system.main.query({text})",
    "chained": "SELECT {text}.query()",
    "second statement": "SELECT 1; {verb}",
    "prepared": "PREPARE p AS {verb}",
    "explained": "EXPLAIN ANALYZE {verb}",
    "macro": "CREATE MACRO m() AS TABLE ({verb})",
    "lambda": "SELECT list_transform([1], lambda x: (WITH y AS ({verb}) SELECT 1 FROM y))",
    "order": "SELECT 1 ORDER BY (WITH x AS ({verb}) SELECT count(*) FROM x)",
    "limit": "SELECT 1 LIMIT (WITH x AS ({verb}) SELECT count(*) FROM x)",
    "window": "SELECT sum(1) OVER (ORDER BY (WITH x AS ({verb}) SELECT count(*) FROM x))",
    "lateral": "SELECT * FROM calls, LATERAL (WITH x AS ({verb}) SELECT * FROM x)",
    "pivot": "FROM (PIVOT (WITH x AS ({verb}) SELECT * FROM x) ON app IN ('a') USING count(*))",
    "comment": "WITH x AS (/* SELECT */ {verb} -- SELECT\n) SELECT 1 FROM x",
}


@pytest.mark.parametrize("place", PLACES)
def test_no_verb_writes_wherever_it_hides(asking: Asking, place: str) -> None:
    before = asking.digest()
    for verb in VERBS:
        text = "'" + verb.replace("'", "''") + "'"
        with pytest.raises(BadSql) as error:
            asking.ask(PLACES[place].format(verb=verb, text=text))
        assert "\n" not in str(error.value)
    assert asking.digest() == before
    assert not Path("stolen.csv").exists()


def test_every_function_that_is_not_listed_is_refused_by_name() -> None:
    with duckdb.connect() as plain:
        for name in ("query", "query_table", "json_execute_serialized_sql", "read_text", "parquet_scan", "arrow_scan"):
            for sql in (f"SELECT * FROM {name}('x')", f"SELECT {name}('x')", f'SELECT "{name.upper()}"(1)'):
                with pytest.raises(BadSql, match="is not allowed here"):
                    check(plain, sql)


@settings(max_examples=150)
@given(st.text(max_size=40), st.sampled_from(list(PLACES.values())), st.sampled_from(VERBS))
def test_noise_around_a_verb_lets_nothing_through(
    plain: duckdb.DuckDBPyConnection, noise: str, place: str, verb: str
) -> None:
    sql = place.format(verb=f"{verb} {noise}", text="'x'")
    try:
        check(plain, sql)
    except BadSql as error:
        assert "\n" not in str(error)
    else:
        assert not any(kind in str(plain.execute("SELECT json_serialize_sql(?)", [sql]).fetchall()) for kind in WRITES)


@pytest.fixture(scope="module")
def plain() -> Iterator[duckdb.DuckDBPyConnection]:
    """An empty database to parse with."""
    with duckdb.connect() as found:
        yield found


WRITES = ("DELETE_QUERY", "INSERT_QUERY", "UPDATE_QUERY", "COPY_QUERY", "MERGE")


def test_the_user_of_the_database_is_not_a_person_of_the_traces(asking: Asking) -> None:
    with pytest.raises(BadSql, match="user_id"):
        asking.ask("SELECT user FROM calls")


def test_a_query_that_takes_too_long_is_stopped_and_the_next_one_answers(asking: Asking) -> None:
    with pytest.raises(BadSql, match=r"longer than 1 s"):
        asking.ask(
            "SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3", timeout_s=1
        )
    assert asking.ask("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_an_answer_has_a_largest_size(asking: Asking) -> None:
    with pytest.raises(BadSql, match="larger than"):
        asking.ask("SELECT repeat('x', 50000) FROM range(1000)", 1000)
    with pytest.raises(BadSql, match="larger than"):
        asking.ask("SELECT * FROM range(3000000)", 3_000_000)
    with pytest.raises(BadSql, match="larger than"):
        asking.ask("SELECT list_transform(range(100000), lambda x: true) FROM range(100)", 100)


def test_what_was_written_is_seen_and_the_age_is_told(tmp_path: Path) -> None:
    asking = Asking(tmp_path / "data")
    assert asking.ask("SELECT count(*) AS n FROM spans").to_pylist() == [{"n": 1}]
    asking.home.clock.advance(timedelta(seconds=60))
    asking.home.take(frame(spans=[a_call("c2", 1)]))
    told = asking.readers.ask("SELECT count(*) AS n FROM spans", max_rows=1, timeout_s=10, extra={})
    assert told.table.to_pylist() == [{"n": 2}]
    assert told.as_of == asking.home.clock.now()
    asking.readers.forget()
    asking.home.store.close()


def test_an_idle_store_is_copied_once(asking: Asking) -> None:
    asking.ask("SELECT 1")
    (first,) = asking.readers._idle
    asking.ask("SELECT 2")
    assert asking.readers._idle == [first]
    assert not list(first.folder.glob("snapshot*")), "the copy has no name, so nothing is left of it after a kill"


def test_who_reads_takes_other_snapshots_within_the_same_bounds(tmp_path: Path) -> None:
    asking = Asking(tmp_path / "data")
    processes, threads = set(), set()
    for n in range(1, 6):
        assert asking.ask("SELECT count(*) AS n FROM spans").to_pylist() == [{"n": n}]
        (reader,) = asking.readers._idle
        processes.add(reader.process.pid)
        threads.add(len([*Path(f"/proc/{reader.process.pid}/task").iterdir()]))
        reader.copying_s = 0.0  # its snapshot is not young enough for a store that has changed
        asking.home.take(frame(spans=[a_call(f"more{n}", n)]))
    assert len(processes) == 1
    assert len(threads) == 1
    with pytest.raises(BadSql, match="memory"):
        asking.ask("SELECT list(range) FROM range(60000000)")
    assert asking.ask("SELECT count(*) AS n FROM spans").to_pylist() == [{"n": 6}]
    asking.readers.forget()
    asking.home.store.close()


def test_who_has_grown_takes_no_other_snapshot(tmp_path: Path) -> None:
    asking = Asking(tmp_path / "data")
    asking.ask("SELECT 1")
    (first,) = asking.readers._idle
    first.grown, first.copying_s = True, 0.0
    asking.home.take(frame(spans=[a_call("c2", 1)]))
    assert asking.ask("SELECT count(*) AS n FROM spans").to_pylist() == [{"n": 2}]
    assert first.process.poll() is not None
    asking.readers.forget()
    asking.home.store.close()


def test_what_has_grown_stays_grown(asking: Asking) -> None:
    asking.readers.forget()
    asking.ask("SELECT 1")
    (reader,) = asking.readers._idle
    reader.grown = True
    with pytest.raises(BadSql):
        asking.ask("SELECT nothing_of_that_name")
    asking.ask("SELECT 1")
    assert asking.readers._idle == [reader]
    assert reader.grown
    asking.readers.forget()


def test_who_ended_while_nobody_asked_is_replaced(tmp_path: Path) -> None:
    asking = Asking(tmp_path / "data")
    for changed in (False, True):
        asking.ask("SELECT 1")
        (idle,) = asking.readers._idle
        idle.copying_s = 0.0
        idle.process.kill()
        idle.process.wait()
        if changed:
            asking.home.take(frame(spans=[a_call("c2", 1)]))
        assert asking.ask("SELECT count(*) AS n FROM spans").to_pylist() == [{"n": 2 if changed else 1}]
        assert not idle.folder.exists()
    asking.readers.forget()
    asking.home.store.close()


@pytest.mark.parametrize("sql", ["SELECT 1", "SELECT nothing_of_that_name"])
@pytest.mark.parametrize(("kept", "grown"), [(-1, True), (1 << 40, False)])
def test_a_process_that_has_grown_says_so(sql: str, kept: int, grown: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Rows | Refused] = []
    monkeypatch.setattr(child, "_say", said.append)
    monkeypatch.setattr(child, "KEPT", kept)
    frames: queue.Queue[bytes] = queue.Queue()
    for given_frame in (Asked(sql, 1, {}), Ready()):
        frames.put(msgspec.msgpack.encode(given_frame))
    assert child._answering(duckdb.connect(), frames, child._resident())
    assert [reply.grown for reply in said] == [grown]


def test_what_was_erased_is_not_read_again(tmp_path: Path) -> None:
    asking = Asking(tmp_path / "data")
    asking.ask("SELECT 1")
    (reader,) = asking.readers._idle
    asking.readers.forget()
    assert reader.process.poll() is not None
    assert not reader.folder.exists()
    assert asking.ask("SELECT 1 AS one").num_rows == 1
    asking.readers.forget()
    asking.home.store.close()


def test_the_child_knows_no_secret_of_the_agent(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMBLINE_SECRET", "s3cret-of-the-agent")
    asking.readers.forget()
    asking.ask("SELECT 1")
    (reader,) = asking.readers._idle
    assert b"s3cret" not in Path(f"/proc/{reader.process.pid}/environ").read_bytes()


def test_the_child_starts_no_thread_beyond_its_own(asking: Asking) -> None:
    """A thread reserves 8 MB for its stack, which a query could take beyond its bound once the thread has ended."""
    asking.ask("SELECT 1")
    (reader,) = asking.readers._idle
    threads = [*Path(f"/proc/{reader.process.pid}/task").iterdir()]
    assert len(threads) <= 8, "itself, who listens, and the few that DuckDB is told to have"


def test_times_of_answers_are_utc(asking: Asking) -> None:
    assert asking.ask("SELECT current_localtimestamp() AS t").to_pylist()[0]["t"].replace(tzinfo=UTC) <= datetime.now(
        UTC
    )
