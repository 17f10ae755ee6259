"""How work in progress is shown: a bar on a terminal, nothing in a pipe or a log."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from plumbline.cli.show import harmless


@contextlib.contextmanager
def bar(title: str) -> Iterator[Callable[[float, str], None]]:
    """Hold a progress bar on stderr; the function it gives takes the share done (0 to 1) and a word on what goes on."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda share, note: None  # noqa: ARG005 - nobody watches
        return
    columns = (
        TextColumn(escape(title)),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", style="dim"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=1.0, note="")
        yield lambda share, note: progress.update(task, completed=share, note=escape(harmless(note)))
