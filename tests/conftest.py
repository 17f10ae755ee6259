"""What holds for every test: none asserts on wall time, so an example may take as long as a busy machine needs.

A new store is a copy of an empty one: making its sixty tables and views takes a tenth of a second, and a thousand tests want one.
Tests of how a store is made ask for `made_anew`; processes that tests start make theirs themselves.
What reads for people is forked from a loaded process, since loading is most of what it takes; `readers_anew` starts it as a house does.
Property tests try the same examples in every run, so that a change is judged by what it changed; `make fuzz` searches new ones.
"""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import duckdb
import pytest
from hypothesis import settings

from monitor.store import file
from monitor.store.migrations import upgrade
from monitor.store.user_sql import child, readers
from tests.support.forks import Piped, piped

settings.register_profile("house", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=500)
settings.load_profile("house")

MAKE_ANEW = file.connect
START_ANEW = readers.child_of


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the long tests begin first: one that begins last is waited for while the other workers have nothing to do."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """What is loaded stays: looking for garbage among eight thousand tests would take a third of a second each time."""
    gc.freeze()


def pytest_sessionfinish() -> None:
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The store that new ones are copies of, for the whole run of this process."""
    empty = tmp_path_factory.mktemp("empty") / "plumbline.duckdb"

    def copied(path: Path) -> duckdb.DuckDBPyConnection:
        if not path.exists():
            if not empty.exists():
                with duckdb.connect(str(empty)) as connection:
                    upgrade(connection)
                empty.chmod(0o600)
            shutil.copy(empty, path)
            just_copied.append(connection := duckdb.connect(str(path)))
            return connection
        return duckdb.connect(str(path))

    def upgraded(connection: duckdb.DuckDBPyConnection) -> None:
        if just_copied and just_copied.pop() is connection:
            return  # of this very format: asking what it holds takes longer than anything else at its opening
        upgrade(connection)

    just_copied: list[duckdb.DuckDBPyConnection] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(file, "connect", copied)
        patched.setattr(file, "upgrade", upgraded)
        yield empty


@pytest.fixture
def made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores are made as they are in a house, statement by statement."""
    monkeypatch.setattr(file, "connect", MAKE_ANEW)
    monkeypatch.setattr(file, "upgrade", upgrade)


@pytest.fixture(scope="session", autouse=True)
def forked_readers() -> Iterator[None]:
    """A process that reads for people begins with everything loaded."""

    def forked(store: Path, folder: Path) -> Piped:
        return piped(partial(child.main, store, folder))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(readers, "child_of", forked)
        yield


@pytest.fixture
def readers_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads for people is started as in a house: a fresh interpreter with an environment of its own."""
    monkeypatch.setattr(readers, "child_of", START_ANEW)
