"""`plumbline backup`: a copy of everything, taken while it runs and read back before it counts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plumbline.api.questions import Backup
from plumbline.cli import show
from plumbline.cli.progress import bar
from plumbline.cli.session import session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, By, Config, DataDir, Form, Format


def run(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where backups go; each becomes a folder in it.")],
    by: By = None,
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Take a backup of telemetry, control state, keys and spool, of a running agent or of a data directory at rest.

    It holds the texts of traces and the keys: keep it as private as the data directory. An erasure does not reach into it.
    """
    with session(resolve(Given(config, data_dir, api=api), Path.cwd()), by=by) as asked, bar("backup") as progress:
        made = asked.ask(Backup(str((Path.cwd() / folder.expanduser()).resolve())), progress)
    if form is Form.JSON:
        show.print_json(made)
    else:
        print(f"backup taken and read back: {made['backup']}")
        print(f"plumbline restore {made['backup']} --data-dir EMPTY_FOLDER brings it back")
    return 0
