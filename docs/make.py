"""Write the generated parts of the docs from the code they describe: `python docs/make.py`, or `--check` in tests.

Settings come from the classes that are the schema, with the comment beside each field; commands from the CLI itself;
drawings from the contracts and the imports (`drawings.py`).
"""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import drawings
import msgspec

from benchmarks.grader_cards import cards
from collectors.importers.formats import FORMATS
from monitor.config import schema
from plumbline.cli.main import COMMANDS

DOCS = Path(__file__).parent


def main(arguments: list[str]) -> int:
    """Rewrite the generated blocks; with --check, only say which are stale and return 1."""
    stale = {path: text for path, text in generated().items() if not path.exists() or path.read_text("utf-8") != text}
    if "--check" in arguments:
        for path in stale:
            print(f"{path}: the generated part is stale; run: .venv/bin/python docs/make.py", file=sys.stderr)
        return 1 if stale else 0
    for path, text in stale.items():
        path.write_text(text, encoding="utf-8")
    return 0


def generated() -> dict[Path, str]:
    """Return each page with generated parts as it should read."""
    return {
        DOCS / "configuration.md": _filled(DOCS / "configuration.md", "settings", settings_table()),
        DOCS / "importing.md": _filled(DOCS / "importing.md", "formats", formats_table()),
        DOCS / "cli.md": _filled(DOCS / "cli.md", "commands", command_help()),
        DOCS / "graders.md": _filled(DOCS / "graders.md", "cards", "".join(f"{row}\n" for row in cards())),
        DOCS / "processes.svg": drawings.processes(),
        DOCS / "imports.svg": drawings.imports(),
    }


def _filled(page: Path, name: str, block: str) -> str:
    pattern = re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
    return pattern.sub(lambda match: match.group(1) + block + match.group(2), page.read_text(encoding="utf-8"))


def settings_table() -> str:
    """Return one table row a key of `plumbline.yaml`."""
    rows = [f"| `{key}` | `{default}` | {doc} |" for key, default, doc in settings(schema.Settings)]
    return "| key | default | what it is |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def settings(section: type[Any], prefix: str = "") -> list[tuple[str, str, str]]:
    """Return (dotted key, default, comment) of every setting."""
    comments = dict(re.findall(r"^    (\w+): .*?#\s*(.+)$", inspect.getsource(section), re.MULTILINE))
    found: list[tuple[str, str, str]] = []
    for field in msgspec.structs.fields(section):
        if isinstance(field.default, schema.Section):
            found += settings(type(field.default), f"{prefix}{field.name}.")
        else:
            default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
            shown = msgspec.json.encode(default).decode()
            found.append((prefix + field.name, shown, comments.get(field.name, "")))
    return found


def formats_table() -> str:
    """Return one table row a format that `plumbline import` knows."""
    rows = [f"| `{one.name}` | {one.title} | {_keys(one.keys)} |" for one in FORMATS]
    return "| format | what it is | key → what it fills |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _keys(keys: Mapping[str, str]) -> str:
    """A table of our own names needs no second column."""
    return "; ".join(f"`{key}`" if key == told else f"`{key}` → {told}" for key, told in keys.items())


def command_help() -> str:
    """Return `plumbline COMMAND --help` of every command."""
    helps = _printed(ALL_HELPS).split("\0")[1:]
    return "".join(
        f"## plumbline {name}\n\n```text\n{_trimmed(text)}\n```\n\n" for name, text in zip(COMMANDS, helps, strict=True)
    )


ALL_HELPS = "from plumbline.cli.main import COMMANDS, run\nfor name in COMMANDS: print('\\0', end='', flush=True); run([name, '--help'])"
"""One interpreter for all of them: its start is most of what each would take."""


def _printed(program: str) -> str:
    environment = {
        "COLUMNS": "100",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "PATH": "/usr/bin:/bin",
        "_TYPER_STANDARD_TRACEBACK": "1",
    }
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=DOCS.parent).stdout


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
