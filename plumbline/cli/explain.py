"""`plumbline explain`: the reasons that were stored with every decision."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plumbline.api.questions import Explain
from plumbline.cli import show
from plumbline.cli.session import session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, Config, DataDir, Form, Format


def run(
    subject: Annotated[str, typer.Argument(metavar="ID", help="A trace id, finding id or alert fingerprint.")],
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Tell why something was sampled, graded, found, alerted or paged."""
    with session(resolve(Given(config, data_dir, api=api), Path.cwd())) as asked:
        lines = asked.ask(Explain(subject))
    if form is Form.JSON:
        show.print_json({"id": subject, "lines": lines})
    else:
        print("\n".join(show.harmless(line) for line in lines))
    return 0
