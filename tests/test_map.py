"""The map of the house names what is there, and names every room that is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
TOP = ("plumbline", "collectors", "alerts", "dashboards", "monitor")
_ROW = re.compile(r"^\| (?P<rooms>`[^|]*) \| (?P<holds>[^|]*) \|$", re.MULTILINE)
_QUOTED = re.compile(r"`([^`]+)`")


class Line(NamedTuple):
    """One line of the table: folders from the root, and the modules and rooms that it says are in them."""

    rooms: list[Path]
    named: list[str]


def lines() -> list[Line]:
    rows = _ROW.finditer((ROOT / "AGENTS.md").read_text())
    return [Line(rooms_of(row["rooms"]), _QUOTED.findall(row["holds"])) for row in rows]


def rooms_of(cell: str) -> list[Path]:
    """Return the folders of a first cell: one without its parent lies beside the one before it."""
    found: list[Path] = []
    for name in _QUOTED.findall(cell):
        beside = ROOT / name if name.split("/")[0] in TOP else found[-1].parent / name
        found.append(beside)
    return found


@pytest.mark.parametrize("line", lines(), ids=lambda line: line.rooms[0].name)
def test_what_the_map_names_is_there(line: Line) -> None:
    assert [room for room in line.rooms if not room.is_dir()] == []
    assert [name for name in line.named if not any(holds(room, name) for room in [*line.rooms, ROOT])] == []


def holds(room: Path, name: str) -> bool:
    return (room / name).exists() or (room / f"{name}.py").exists()


def test_every_room_is_on_the_map() -> None:
    shown = {room for line in lines() for room in line.rooms}
    shown |= {room / name for line in lines() for room in line.rooms for name in line.named if name.endswith("/")}
    rooms = {file.parent for top in TOP for file in (ROOT / top).rglob("*.py")} - {ROOT / top for top in TOP}
    assert sorted(str(room.relative_to(ROOT)) for room in rooms - shown) == []


def test_no_file_is_too_long_to_read() -> None:
    lines = {
        str(file.relative_to(ROOT)): len(file.read_text().splitlines())
        for top in TOP
        for file in (ROOT / top).rglob("*.py")
    }
    assert {name: length for name, length in lines.items() if length > 300} == {}
