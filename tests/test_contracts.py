"""The import contracts bite: a wrong import planted in a copy of the tree is named, for each layer and each owner."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, permutations
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = configparser.ConfigParser()
CONTRACTS.read(ROOT / ".importlinter")
ROOMS = CONTRACTS["importlinter"]["root_packages"].split()


@dataclass(frozen=True)
class Wrong:
    """A module that imports what contract `contract` forbids it to."""

    contract: str
    module: str
    imported: str

    def __str__(self) -> str:
        return f"{self.module} -> {self.imported}"

    @property
    def file(self) -> Path:
        path = Path(*self.module.split("."))
        return path / "__init__.py" if (ROOT / path).is_dir() else path.with_suffix(".py")


def wrong_imports() -> Iterator[Wrong]:
    """At least one for each line of each contract."""
    for section in CONTRACTS.sections()[1:]:
        contract = CONTRACTS[section]
        plant = {"layers": upwards, "forbidden": forbidden, "protected": trespassing}[contract["type"]]
        for module, imported in plant(contract):
            yield Wrong(contract["name"], module, imported)


def upwards(contract: configparser.SectionProxy) -> Iterator[tuple[str, str]]:
    """Every room imports one of the layer above it, and one beside it that is to be independent of it."""
    prefix = f"{contract['containers'].strip()}." if "containers" in contract else ""
    layers = [
        [f"{prefix}{name.strip()}" for name in line.split("|")] for line in contract["layers"].split("\n") if line
    ]
    for above, below in pairwise(layers):
        yield from ((module, above[0]) for module in below)
    for layer in layers:
        yield from permutations(layer, 2)


def forbidden(contract: configparser.SectionProxy) -> Iterator[tuple[str, str]]:
    for module in contract["source_modules"].split():
        yield from ((module, imported) for imported in contract["forbidden_modules"].split())


def trespassing(contract: configparser.SectionProxy) -> Iterator[tuple[str, str]]:
    """A room that is no owner imports the library."""
    owners = {owner.split(".")[0] for owner in contract["allowed_importers"].split()}
    stranger = next(room for room in ROOMS if room not in owners)
    yield from ((stranger, library) for library in contract["protected_modules"].split())


PLANTED = list(wrong_imports())


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the linter says of a tree with every wrong import in it and one room that no list knows, by contract."""
    tree = tmp_path_factory.mktemp("tree")
    for room in ROOMS:
        shutil.copytree(ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tree)
    for wrong in PLANTED:
        with (tree / wrong.file).open("a") as source:
            source.write(f"\nimport {wrong.imported}\n")
    (tree / "monitor" / "garage.py").touch()
    lint = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    wide = {**os.environ, "COLUMNS": "1000"}  # one line a complaint
    done = subprocess.run(lint, cwd=tree, env=wide, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    return by_contract(done.stdout)


def by_contract(report: str) -> dict[str, str]:
    """The part of a report under each contract's headline, which is underlined."""
    names = {CONTRACTS[section]["name"] for section in CONTRACTS.sections()[1:]}
    parts: dict[str, str] = {}
    name = ""
    for line, below in pairwise([*report.splitlines(), ""]):
        name = line.strip() if line.strip() in names and below.startswith("---") else name
        parts[name] = parts.get(name, "") + line + "\n"
    return parts


def test_wrong_imports_and_unknown_rooms_are_named(complaints: dict[str, str]) -> None:
    assert [str(wrong) for wrong in PLANTED if f"{wrong} (" not in complaints[wrong.contract]] == []
    assert "monitor.garage" in complaints[CONTRACTS["importlinter:contract:core"]["name"]]
