"""Two drawings of the house, made from what it is: which process talks to which, and which room imports which.

Rooms and their order come from `.importlinter`, arrows from the imports in the code, sentences from the docstrings,
addresses and file names from the settings and the places they are used from. `docs/make.py` writes them.
"""

from __future__ import annotations

import ast
import configparser
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

import grimp

from monitor.config.schema import Settings
from monitor.places import Places

ROOT: Final = Path(__file__).parents[1]
INK, FAINT, BLUE = "#1f2937", "#cbd5e1", "#2563eb"
BANDS: Final = {"plumbline": "#fef3c7", "rooms": "#e0f2fe", "monitor": "#f1f5f9"}
ROW, STEP, LEFT, TOP = 26, 22, 570, 90
WORDS: Final = 84
LEGEND: Final = (
    "Yellow: plumbline/, the roof, which knows everybody. Blue: rooms that do not know each other. "
    "Grey: monitor/, the core, which knows nobody. [In brackets]: libraries that only this room may import."
)


@dataclass(frozen=True)
class Room:
    """One row of the drawing of imports."""

    module: str
    band: str
    owns: Sequence[str]  # libraries that nobody else may import

    @property
    def sentence(self) -> str:
        """The first sentence of its docstring."""
        path = ROOT / Path(*self.module.split("."))
        source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        first = (ast.get_docstring(ast.parse(source.read_text(encoding="utf-8"))) or "").splitlines()[0]
        return first.split(". ")[0].rstrip(".")


def imports() -> str:
    """Return the drawing of imports: a staircase of rooms, an arrow from each to what it imports, which is below it."""
    rooms = list(_rooms())
    place = {room.module: number for number, room in enumerate(rooms)}
    arrows = sorted((place[one], place[other]) for one, other in _arrows(list(place)))
    if wrong := [f"{rooms[one].module} -> {rooms[other].module}" for one, other in arrows if one > other]:
        raise ValueError(f"an arrow runs up: {', '.join(wrong)}")
    width, height = LEFT + STEP * len(rooms) + 40, TOP + ROW * len(rooms) + 30
    labels = [mark for row, room in enumerate(rooms) for mark in _label(row, room)]
    parts = [_text(20, 52, LEGEND, size=11), *_bands(rooms, width), *_lines(arrows), *labels]
    title = "Imports: a dot is an import of the room whose square lies straight below it; all arrows run down"
    return _svg(width, height, title, parts)


def _rooms() -> Iterator[Room]:
    contracts = configparser.ConfigParser()
    contracts.read(ROOT / ".importlinter")
    owners: dict[str, list[str]] = {}
    for section in contracts.values():
        if section.get("type") == "protected":
            owner = ".".join(section["allowed_importers"].split()[0].split(".")[:2])
            top = owner.split(".")[0]
            owners.setdefault(owner if top in {"plumbline", "monitor"} else top, []).extend(
                section["protected_modules"].split()
            )
    inside = {"plumbline": "roof", "monitor": "core"}
    for layer in _layers(contracts["importlinter:contract:house"]):
        for top in layer:
            names = [top]
            if top in inside:
                rows = _layers(contracts[f"importlinter:contract:{inside[top]}"])
                names = [f"{top}.{name}" for row in rows for name in row]
            yield from (Room(name, top if top in inside else "rooms", owners.get(name, [])) for name in names)


def _layers(contract: Mapping[str, str]) -> list[list[str]]:
    return [[name.strip() for name in line.split("|")] for line in contract["layers"].splitlines() if line.strip()]


def _arrows(modules: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Which room imports which, directly."""
    graph = grimp.build_graph("plumbline", "collectors", "alerts", "dashboards", "monitor", cache_dir=None)
    rooms = {inside: room for room in modules for inside in (room, *graph.find_descendants(room))}
    for importer, room in rooms.items():
        for imported in graph.find_modules_directly_imported_by(importer):
            if (other := rooms.get(imported, room)) != room:
                yield room, other


def _x(column: int) -> int:
    return LEFT + STEP * column


def _y(row: int) -> int:
    return TOP + ROW * row


def _bands(rooms: Sequence[Room], width: int) -> Iterator[str]:
    for band, color in BANDS.items():
        rows = [row for row, room in enumerate(rooms) if room.band == band]
        top, height = _y(rows[0]) - ROW // 2, ROW * len(rows)
        yield f'<rect x="10" y="{top}" width="{width - 20}" height="{height}" fill="{color}"/>'


def _lines(arrows: Sequence[tuple[int, int]]) -> Iterator[str]:
    """Across from the importer to its last dot, down from the first dot to the imported."""
    for row in sorted({row for row, _ in arrows}):
        last = max(column for one, column in arrows if one == row)
        yield f'<path d="M{_x(row)} {_y(row)}H{_x(last)}" stroke="{FAINT}" fill="none"/>'
    for column in sorted({column for _, column in arrows}):
        first = min(row for row, other in arrows if other == column)
        yield f'<path d="M{_x(column)} {_y(first)}V{_y(column) - 8}" stroke="{BLUE}" fill="none" marker-end="url(#tip)"/>'
    for row, column in sorted(set(arrows)):
        yield f'<circle cx="{_x(column)}" cy="{_y(row)}" r="3.5" fill="{BLUE}"/>'


def _label(row: int, room: Room) -> Iterator[str]:
    name = room.module.removeprefix("monitor.").removeprefix("plumbline.")
    owns = f" [{', '.join(room.owns)}]" if room.owns else ""
    yield _text(20, _y(row) + 4, name, bold=True)
    yield _text(120, _y(row) + 4, _shortened(room.sentence, WORDS - len(owns)) + owns, size=10)
    yield f'<rect x="{_x(row) - 6}" y="{_y(row) - 6}" width="12" height="12" fill="{INK}" rx="2"/>'


def _shortened(text: str, most: int) -> str:
    """Leave out the name that stands beside it already, and cut at a word."""
    name, colon, rest = text.partition(": ")
    said = rest if colon and len(name.split()) <= 2 else text
    return said if len(said) <= most else said[:most].rsplit(" ", 1)[0] + " …"


@dataclass(frozen=True)
class Box:
    """A process, a file or somebody outside, at a place of the drawing of processes."""

    x: int
    y: int
    title: str
    lines: Sequence[str]
    kind: str  # process, file or outside

    width: int = 210
    height: int = 84

    def draw(self) -> Iterator[str]:
        """Its frame and its words."""
        fill = {"process": "#dbeafe", "file": "#fef3c7", "outside": "#ffffff"}[self.kind]
        round_ = {"process": 10, "file": 0, "outside": 24}[self.kind]
        yield (
            f'<rect x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}" rx="{round_}" '
            f'fill="{fill}" stroke="{INK}"/>'
        )
        yield _text(self.x + 14, self.y + 24, self.title, bold=True, size=14)
        yield from (_text(self.x + 14, self.y + 44 + 16 * row, line, size=11) for row, line in enumerate(self.lines))


def processes() -> str:
    """Return the drawing of processes: who runs, what lies on the disk between them, who is outside."""
    settings, places = Settings(), Places(Path())
    collector, agent, dashboard = settings.collector, settings.agent, settings.dashboard
    http, grpc = collector.otlp_http.rpartition(":")[2], collector.otlp_grpc.rpartition(":")[2]
    boxes = {
        "apps": Box(20, 200, "Your applications", ("OpenTelemetry, the SDK,", "files and topics to import"), "outside"),
        "collector": Box(
            300, 200, "collector", (f"OTLP/HTTP {http}, OTLP/gRPC {grpc}", "decodes and redacts"), "process"
        ),
        "spool": Box(
            580, 200, f"{places.spool.name}/", ("checksummed frames, on disk", "before the 200 goes out"), "file"
        ),
        "agent": Box(860, 200, "agent", ("loads, grades, watches, alerts", f"api {agent.api}"), "process"),
        "telemetry": Box(
            860, 350, places.telemetry.name, ("spans, turns, grades, findings", "one owner: the agent"), "file"
        ),
        "control": Box(580, 350, places.control.name, ("alerts, outbox, tokens", "one owner: the agent"), "file"),
        "receivers": Box(
            1140, 200, "Receivers", ("Slack, mail, webhooks: told of", "alerts, tried until they answer"), "outside"
        ),
        "dashboard": Box(860, 50, "dashboard", (f"Streamlit at {dashboard.address}", "a client of the api"), "process"),
        "you": Box(1140, 50, "You", ("browser and command line", "(plumbline status, sql, ...)"), "outside"),
        "supervisor": Box(
            300, 50, "supervisor: plumbline up", ("starts the three processes", "and restarts what crashes"), "process"
        ),
    }
    arrows = (
        *(("apps", "collector"), ("collector", "spool"), ("spool", "agent"), ("agent", "telemetry")),
        *(("agent", "control"), ("agent", "receivers"), ("dashboard", "agent"), ("you", "dashboard"), ("you", "agent")),
    )
    starts = (("supervisor", "collector"), ("supervisor", "dashboard"), ("supervisor", "agent"))
    parts = [_arrow(boxes[a], boxes[b]) for a, b in arrows] + [
        _arrow(boxes[a], boxes[b], starts=True) for a, b in starts
    ]
    parts += [mark for box in boxes.values() for mark in box.draw()]
    parts.append(
        _text(
            20, 460, "Blue: a process. Yellow: on disk, in the data directory. White: outside. Dashed: starts.", size=11
        )
    )
    return _svg(1370, 480, "Processes: who runs, what lies between them, who is outside", parts)


def _arrow(one: Box, other: Box, *, starts: bool = False) -> str:
    """A straight arrow between the nearest sides of two boxes."""
    x1, x2 = _nearest(one.x, one.width, other.x, other.width)
    y1, y2 = _nearest(one.y, one.height, other.y, other.height)
    dashes = ' stroke-dasharray="5 4"' if starts else ""
    return f'<path d="M{x1} {y1}L{x2} {y2}" stroke="{BLUE}" fill="none" marker-end="url(#tip)"{dashes}/>'


def _nearest(start: int, size: int, other: int, other_size: int) -> tuple[int, int]:
    """Where an arrow leaves and arrives along one axis."""
    if start == other:
        return start + size // 2, other + other_size // 2
    return (start + size, other - 3) if start < other else (start, other + other_size + 3)


def _text(x: int, y: int, text: str, *, bold: bool = False, size: int = 12) -> str:
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x}" y="{y}" font-size="{size}"{weight} fill="{INK}">{escape(text)}</text>'


def _svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    head = (
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'font-family="Helvetica, Arial, sans-serif">'
        ),
        f"<title>{escape(title)}</title>",
        (
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            f'<path d="M0 0L8 4L0 8z" fill="{BLUE}"/></marker></defs>'
        ),
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _text(20, 30, title, bold=True, size=15),
    )
    return "\n".join((*head, *parts, "</svg>")) + "\n"
