"""`plumbline sample`: what was picked to be graded, drawn again; one turn graded now; what a rule missed, with its cost first."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from monitor.errors import UsageError
from plumbline.api.grading_questions import Backfill, BackfillCost, GradeNow, Redraw
from plumbline.cli import show
from plumbline.cli.progress import bar
from plumbline.cli.session import Session, session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.times import until_now
from plumbline.cli.typed import Api, By, Config, DataDir, Form, Format

NAMED = 5


class Action(StrEnum):
    """What to do about samples."""

    REDRAW = "redraw"
    GRADE = "grade"
    BACKFILL = "backfill"


def run(
    action: Annotated[Action, typer.Argument(help="redraw; grade TRACE; backfill.")],
    trace: Annotated[str | None, typer.Argument(metavar="TRACE", help="The turn to grade now.")] = None,
    last: Annotated[str, typer.Option("--last", metavar="DURATION", help="Of how much traffic.")] = "7d",
    rules: Annotated[str, typer.Option("--rules", metavar="IDS", help="Backfill: of these rules, comma-joined.")] = "",
    again: Annotated[bool, typer.Option("--again", help="Backfill: also what has a verdict.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Backfill: do it; else only its cost is told.")] = False,
    by: By = None,
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Draw samples again, grade one turn now, or grade what rules missed.

    redraw picks the turns of the last time again by the plans that were in force and their seeds, and holds that against what was
    stored: exit code 1 where they differ. grade says what the policies in force say of one turn, picked or not; it enters no rate.
    backfill grades the picked turns that lack a verdict, such as those of before a rule was in force: without --yes it only
    tells what that would cost.
    """
    with session(resolve(Given(config, data_dir, api=api), Path.cwd()), by=by) as agent:
        if action is Action.GRADE:
            return _grade(agent, trace, form)
        start, end = until_now(last)
        if action is Action.REDRAW:
            return _redraw(agent.ask(Redraw(start, end)), form)
        return _backfill(agent, (start, end, rules, again), form, do=yes)


def _grade(agent: Session, trace: str | None, form: Form) -> int:
    if trace is None:
        raise UsageError("sample grade needs the id of a turn (plumbline sample grade TRACE)")
    done = agent.ask(GradeNow(trace))
    if form is Form.JSON:
        show.print_json(done)
    else:
        broken = f"; it breaks {', '.join(done['violates'])}" if done["violates"] else "; it breaks none"
        print(show.one_line(f"{done['graded']} verdicts{broken} (plumbline explain {done['trace']} tells why)"))
    return 0


def _redraw(found: dict[str, Any], form: Form) -> int:
    differs = [one for one in found["plans"] if one["only_stored"] or one["only_drawn_again"]]
    if form is Form.JSON:
        show.print_json(found)
    else:
        for one in found["plans"]:
            same = one["stored"] - len(one["only_stored"])
            print(
                show.one_line(
                    f"{one['plan']}: {same:,} of {one['stored']:,} stored draws are drawn again, of {found['turns']:,} turns"
                )
            )
        for one in differs:
            for key, words in (
                ("only_stored", "stored, not drawn again"),
                ("only_drawn_again", "drawn again, not stored"),
            ):
                if one[key]:
                    print(show.one_line(f"{one['plan']}, {words}: {', '.join(one[key][:NAMED])}"))
        for rule in found["rules"]:
            print(
                show.one_line(
                    f"{rule['rule']}: asked of {rule['asked']:,} of the picked turns by the same numbers, {rule['judged']:,} of them have a verdict"
                )
            )
        for rule in found["judges"]:
            print(
                show.one_line(
                    f"{rule['rule']}: its judge is asked about {rule['drawn']:,} of {rule['stored']:,}; {rule['differ']:,} of these draws come out otherwise now"
                )
            )
        if not found["plans"]:
            print("nothing was sampled in this time")
    return 1 if differs or any(rule["differ"] for rule in found["judges"]) else 0


def _backfill(agent: Session, gap: tuple[datetime, datetime, str, bool], form: Form, *, do: bool) -> int:
    told = agent.ask(BackfillCost(*gap))
    if do and told["turns"]:
        with bar("backfill") as progress:
            told |= agent.ask(Backfill(*gap), progress)
    if form is Form.JSON:
        show.print_json(told)
    elif do:
        print(f"{told['grades']:,} verdicts on {told['turns']:,} answers were added")
    else:
        calls = told["calls_of_judges"]
        print(
            f"{told['turns']:,} answers lack a verdict of {told['rules']} rules: about {told['grades']:,} verdicts, "
            f"{told['seconds']:,} s, {calls} calls of judges; nothing was graded (add --yes)"
        )
    return 0
