"""The entry point: a table of commands, and one line for every error a user can meet."""

from __future__ import annotations

import difflib
import importlib.metadata
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from plumbline.cli.deferred import deferred
from plumbline.cli.ending import fail, guarded

if TYPE_CHECKING:  # so that those who read the code see where the table below leads
    from plumbline.cli import (  # noqa: F401
        agent,
        alerts,
        audit,
        backup,
        change,
        check,
        collector,
        dashboard,
        demo,
        doctor,
        erase,
        erasures,
        experiment,
        explain,
        finding,
        hold,
        import_files,
        incidents,
        judges,
        keys,
        label,
        note,
        people,
        policy,
        receivers,
        replay,
        report,
        restore,
        review,
        rules,
        sql,
        status,
        terms,
        typed,
        up,
    )
else:
    typed = deferred("plumbline.cli.typed")

COMMANDS: Final = {
    "up": ("start collector, agent and dashboard", "up"),
    "collector": ("start the collector alone: OTLP in, spool out", "collector"),
    "agent": ("start the agent alone: store, cycle, alerts, api", "agent"),
    "dashboard": ("start the dashboard alone", "dashboard"),
    "import": ("read files: OTLP bodies, JSON lines, CSV, Parquet", "import_files"),
    "replay": ("what would Plumbline have told over a stretch of history?", "replay"),
    "sql": ("ask the store with one SELECT", "sql"),
    "keys": ("make, list and remove the keys that applications send data with", "keys"),
    "people": ("let people ask under their own name, in a role; list and revoke them", "people"),
    "policy": ("test, lint, show, compare and render policies", "policy"),
    "sample": ("what is graded: draw it again, grade one turn now, fill gaps", "sample"),
    "judges": ("how far judges can be trusted by people's labels, and which only propose", "judges"),
    "dataset": ("what was graded as evaluation cases, or as an example of a policy", "dataset"),
    "alerts": ("what is wrong now; take it up, silence it, close it", "alerts"),
    "incidents": ("open one about an alert, follow it, close it, export it", "incidents"),
    "rules": ("what the alert rules would have said over stored history", "rules"),
    "receivers": ("who can be told, and whether a message really arrives", "receivers"),
    "audit": ("who did what, and whether that record was touched", "audit"),
    "status": ("what runs where, and the ledger", "status"),
    "check": ("validate config, policies and alert rules; pages nobody", "check"),
    "explain": ("why was this sampled, graded, alerted, paged?", "explain"),
    "terms": ("hash a list of names, so that redaction knows them and nobody reads them", "terms"),
    "review": ("open the weekly review, see how far it is and what follows from it", "review"),
    "label": ("say what an answer is under a rule", "label"),
    "report": ("two stretches of time side by side, drawn by Evidently", "report"),
    "change": ("say that something was changed, so that findings name it", "change"),
    "experiment": ("how long an experiment will take, before it starts", "experiment"),
    "finding": ("accept a change as the new normal, take that back, list changes", "finding"),
    "note": ("write on a finding or a trace, list notes, take one away", "note"),
    "hold": ("keep evidence from erasure and retention; list holds, let one go", "hold"),
    "erase": ("remove everything of one user, session, trace or app, for good", "erase"),
    "erasures": ("ask that a trace be erased; grant or refuse what was asked", "erasures"),
    "backup": ("copy everything, while it runs", "backup"),
    "restore": ("make a data directory out of a backup", "restore"),
    "demo": ("play the demo, or remove it", "demo"),
    "doctor": ("find out what is missing on this machine", "doctor"),
}
"""Name of a command, what it is for, and the module of this folder whose `run` carries it out."""

EXIT_CODES: Final = "Exit codes: 0 ok, 1 findings or failed check, 2 usage or config, 3 store in use, 4 unreachable."


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `plumbline` with `arguments` (default: those of the process) and leave with its exit code.

    What it and its children write is for its owner only, whatever the umask of the shell is.
    """
    os.umask(0o077)
    sys.exit(run(list(sys.argv[1:] if arguments is None else arguments)))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(overview())
        return 0 if arguments else 2
    if arguments[0] in ("-V", "--version"):
        print(f"plumbline {importlib.metadata.version('plumbline')}")
        return 0
    if arguments[0] not in COMMANDS:
        return fail(f"there is no command {arguments[0]!r}{nearest(arguments[0])} (see `plumbline --help`)", 2)
    return guarded(lambda: typed.invoke(arguments[0], command(arguments[0]), arguments[1:]))


def command(name: str) -> Callable[..., int | None]:
    """Return the function that carries out `name`."""
    function: Callable[..., int | None] = deferred(f"plumbline.cli.{COMMANDS[name][1]}").run
    return function


def overview() -> str:
    """Return the help of the whole command."""
    lines = [f"  {name:<11}{purpose}" for name, (purpose, _) in COMMANDS.items()]
    head = "Usage: plumbline COMMAND [OPTIONS]\n\nIs what your AI does still what your policy says, and how sure is that?\n"
    return "\n".join([head, "Commands:", *lines, "", "plumbline COMMAND --help tells the options.", EXIT_CODES])


def nearest(name: str) -> str:
    """Return a hint at the command that was probably meant."""
    close = difflib.get_close_matches(name, list(COMMANDS), n=1, cutoff=0.5)
    return f", did you mean `{close[0]}`?" if close else ""


if __name__ == "__main__":
    main()
