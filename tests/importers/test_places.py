"""Files behind URLs and patterns: the same records as from a folder, found once, resumed where they stopped."""

import gzip
import importlib.util
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
import pytest

from collectors.importers.files import ImportSource
from collectors.importers.load import CHUNK, Import
from collectors.importers.progress import open_journal
from collectors.importers.remote import find_remote
from collectors.importers.taking import Taking, Terms
from monitor.errors import UsageError
from plumbline.cli.import_places import find_all
from tests.cli.plumbline import ROOT, plumbline
from tests.importers.importing import NOW_US, imported_sources, lines
from tests.importers.test_vendors import ASKED, STORED

ONE = {"input": "a", "output": "b"}


def talk(count: int, start: int = 0) -> bytes:
    return b"".join(b'{"id": %d, "input": "q", "output": "a"}\n' % n for n in range(start, start + count))


@pytest.fixture
def bucket() -> Iterator[str]:
    """A folder of its own in fsspec's memory, which is one for the whole process."""
    name = f"/{uuid.uuid4().hex}"
    files = fsspec.filesystem("memory")
    files.pipe(f"{name}/2026/11/a.jsonl", talk(3))
    files.pipe(f"{name}/2026/11/b.json.gz", gzip.compress(talk(2, start=3)))
    files.pipe(f"{name}/2026/12/c.jsonl", talk(1, start=5))
    files.pipe(f"{name}/README.md", b"not data")
    yield f"memory:/{name}"
    files.rm(name, recursive=True)


def names(sources: list[ImportSource]) -> list[str]:
    return [source.label for source in sources]


@pytest.mark.parametrize(
    ("what", "labels", "passed"),
    [
        ("", ["a.jsonl", "b.json.gz", "c.jsonl"], 1),
        ("/", ["a.jsonl", "b.json.gz", "c.jsonl"], 1),
        ("/2026/12", ["c.jsonl"], 0),
        ("/2026/11/a.jsonl", ["a.jsonl"], 0),
        ("/2026/*/*.jsonl", ["a.jsonl", "c.jsonl"], 0),
        ("/**/*.gz", ["b.json.gz"], 0),
        ("/*", ["a.jsonl", "b.json.gz", "c.jsonl"], 1),
    ],
)
def test_a_url_names_a_file_a_folder_or_a_pattern(
    bucket: str, tmp_path: Path, what: str, labels: list[str], passed: int
) -> None:
    sources, left = find_all([bucket + what], tmp_path)
    assert (names(sources), left) == (labels, passed)
    assert all(source.size > 0 and source.changed_ns > 0 for source in sources)


def test_a_place_that_is_named_twice_is_read_once(bucket: str, tmp_path: Path) -> None:
    path = lines(tmp_path / "x.jsonl", ONE)
    places = [bucket, f"{bucket}/2026", path.as_uri(), str(path), "x.jsonl"]
    assert names(find_all(places, tmp_path)[0]) == ["a.jsonl", "b.json.gz", "c.jsonl", "x.jsonl"]


def test_what_lies_behind_a_url_is_imported_once(bucket: str, tmp_path: Path) -> None:
    for _ in range(2):
        with imported_sources(tmp_path / "home", find_all([bucket], tmp_path)[0]) as done:
            assert (done.complaints, done.report.accepted) == ([], 6)
            assert done.row("SELECT count(*) AS n, count(DISTINCT trace_id) AS d FROM spans") == {"n": 6, "d": 6}


def test_every_layout_is_read_through_a_url(tmp_path: Path) -> None:
    lines(tmp_path / "a.jsonl", ONE | {"id": 1})
    (tmp_path / "b.csv").write_text("id,input,output\n2,a,b\n")
    pl.DataFrame([ONE | {"id": 3}]).write_parquet(tmp_path / "c.parquet")
    (tmp_path / "d.json.gz").write_bytes(gzip.compress(b'[{"id": 4, "input": "a", "output": "b"}]'))
    with imported_sources(tmp_path / "home", find_remote(f"local://{tmp_path}")[0]) as done:
        assert (done.complaints, done.report.accepted) == ([], 4)


def test_a_batch_finds_its_requests_beside_it_behind_a_url(tmp_path: Path) -> None:
    files = fsspec.filesystem("memory")
    folder = f"/{uuid.uuid4().hex}"
    request = {"custom_id": "a", "method": "POST", "url": "/v1/x", "body": {"model": "g", **ASKED}}
    result = {"id": "b1", "custom_id": "a", "response": {"status_code": 200, "body": STORED}, "error": None}
    for name, record in (("input.jsonl", request), ("output.jsonl", result)):
        files.pipe(f"{folder}/{name}", lines(tmp_path / name, record).read_bytes())
    with imported_sources(tmp_path / "home", find_remote(f"memory:/{folder}/output.jsonl")[0]) as done:
        assert done.row("SELECT input_text, output_text FROM calls") == {"input_text": "hi", "output_text": "hello"}


class Kept:
    """A spool that counts its frames and breaks when it is told to."""

    def __init__(self, breaks_after: int) -> None:
        self.frames: list[int] = []
        self.breaks_after = breaks_after

    def append(self, tables: Any) -> None:
        if len(self.frames) == self.breaks_after:
            raise KeyboardInterrupt
        self.frames.append(len(tables["spans"]))

    def sync(self) -> None:
        pass


def run(folder: Path, sources: list[ImportSource], spool: Kept) -> Any:
    terms = Terms({}, None, 1_000_000, lambda: NOW_US)
    count = lambda batch: {"spans": bytes(len(batch.rows["spans"]))}  # noqa: E731
    journal = open_journal(folder, sources, "t")
    taking = Taking(spool, count, terms.now_us, print)
    return Import(taking, journal, terms, lambda _share, _note: None).run(sources)


@pytest.mark.parametrize("where", ["memory", "file", "local"])
def test_an_import_that_stopped_goes_on_where_it_stopped(tmp_path: Path, where: str) -> None:
    data = talk(2 * CHUNK + 500)
    path = tmp_path / "a.jsonl"
    path.write_bytes(data)
    url = f"{where}://{path}"
    if where == "memory":
        url = f"memory://{uuid.uuid4().hex}/a.jsonl"
        fsspec.filesystem("memory").pipe(url, data)
    stopped = Kept(breaks_after=1)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "imports", find_all([url], tmp_path)[0], stopped)
    rest = Kept(breaks_after=9)
    report = run(tmp_path / "imports", find_all([url], tmp_path)[0], rest)
    assert (stopped.frames, rest.frames) == ([CHUNK], [CHUNK, 500])
    assert report.accepted == CHUNK + 500
    assert list((tmp_path / "imports").iterdir()) == []


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(talk(CHUNK + 1))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "imports", find_remote(f"local://{path}")[0], Kept(breaks_after=1))
    path.write_bytes(talk(CHUNK))
    os.utime(path, ns=(1, 10**18))
    again = Kept(breaks_after=9)
    run(tmp_path / "imports", find_remote(f"local://{path}")[0], again)
    assert again.frames == [CHUNK]


def test_a_place_that_does_not_tell_when_it_changed_is_taken_for_now(tmp_path: Path) -> None:
    (source,) = find_remote(f"local://{lines(tmp_path / 'a.jsonl', ONE)}")[0]
    undated = ImportSource(source.name, source.size, 0, None, source.open_raw)
    with imported_sources(tmp_path / "home", [undated]) as done:
        row = done.row("SELECT epoch_us(time) AS time, flags FROM spans")
    assert row == {"time": NOW_US, "flags": "time_unknown"}


class Broken:
    """A remote file whose connection breaks."""

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, _whence: int = 0) -> int:
        return offset

    def tell(self) -> int:
        return 0

    def read(self, _size: int) -> bytes:
        raise RuntimeError("the peer\nhung up")

    def close(self) -> None:
        pass


def test_what_breaks_on_the_way_is_told_and_counted(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = find_remote(bucket)[0]
    opens = fsspec.filesystem("memory").__class__.open
    broken = lambda self, path, *a, **k: Broken() if "a.jsonl" in path else opens(self, path, *a, **k)  # noqa: E731
    monkeypatch.setattr(fsspec.filesystem("memory").__class__, "open", broken)
    with imported_sources(tmp_path / "home", sources) as done:
        assert [line.rsplit("/", 1)[-1] for line in done.complaints] == ["a.jsonl: the peer hung up"]
        assert (done.report.accepted, done.report.refused) == (3, 1)
        assert done.row("SELECT sum(refused) AS n FROM ledger") == {"n": 1}


def test_patterns_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for name in ("a/1.jsonl", "a/2.jsonl", "b.jsonl", "a/notes.md"):
        (tmp_path / name).write_bytes(talk(1))
    assert names(find_all(["a/*"], tmp_path)[0]) == ["1.jsonl", "2.jsonl"]
    assert names(find_all(["**/*.jsonl"], tmp_path)[0]) == ["1.jsonl", "2.jsonl", "b.jsonl"]
    assert find_all(["a*"], tmp_path)[1] == 1
    (tmp_path / "[x].jsonl").write_bytes(talk(1))
    assert names(find_all(["[x].jsonl"], tmp_path)[0]) == ["[x].jsonl"]  # a name that exists is no pattern


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("memory://nowhere/at/all", "does not exist"),
        ("nonsense://a", "Protocol not known: nonsense"),
        ("gs://bucket/a", "pip install gcsfs"),
        ("nothing/*.jsonl", "does not exist"),
        ("file:///nowhere/at/all", "does not exist"),
    ],
)
def test_a_place_that_cannot_be_read_is_one_line(tmp_path: Path, place: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_all([place], tmp_path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(importlib.util.find_spec("s3fs") is not None, reason="s3fs is installed")
def test_without_the_driver_of_s3_one_line_says_what_to_install(tmp_path: Path) -> None:
    ran = plumbline("import", "s3://bucket/logs", "--data-dir", tmp_path / "home", cwd=tmp_path)
    assert (ran.code, ran.error.count("\n")) == (2, 1)
    assert "pip install 'plumbline[s3]'" in ran.error


def test_without_fsspec_files_are_read_and_urls_say_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "without.py").write_text(
        "import sys\nsys.modules['fsspec'] = None\nfrom plumbline.cli.main import main\nmain(sys.argv[1:])\n"
    )
    lines(tmp_path / "a.jsonl", ONE)
    script = [sys.executable, str(tmp_path / "without.py"), "import", "--dry-run"]

    def without(place: str) -> Any:
        return subprocess.run(
            [*script, place],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    assert without("a.jsonl").returncode == 0
    failed = without("memory://a.jsonl")
    assert (failed.returncode, failed.stderr.count("\n")) == (2, 1)
    assert "pip install 'plumbline[s3]'" in failed.stderr
