"""`plumbline review`: a frozen sample of answers that people judge, from opening it to what follows from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from monitor.errors import UsageError
from plumbline.api.review_questions import (
    AT_ONCE,
    AssignReview,
    CloseReview,
    MoreItems,
    OpenReview,
    RedrawReview,
    Review,
    ReviewResults,
    Reviews,
    WantItems,
)
from plumbline.cli import show
from plumbline.cli.lists import print_list
from plumbline.cli.session import Session, session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.times import parse_instant
from plumbline.cli.typed import Api, By, Config, DataDir, Form, Format

COLUMNS: Final = ("id", "app", "opened_at", "due_at", "closed_at", "n_items", "n_done")


class Action(StrEnum):
    """What to do with reviews."""

    OPEN = "open"
    LIST = "list"
    SHOW = "show"
    REDRAW = "redraw"
    MORE = "more"
    ASSIGN = "assign"
    CLOSE = "close"
    RESULTS = "results"
    WANT = "want"


def run(
    action: Annotated[
        Action,
        typer.Argument(
            help="open, list, show ID, redraw ID, more ID, assign ID PERSON..., close ID, results ID, or want TRACE."
        ),
    ],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[ID] [PERSON]...", help="Which review, and who.")
    ] = None,
    app: Annotated[str | None, typer.Option("--app", help="Answers of this application only.")] = None,
    size: Annotated[int | None, typer.Option("--size", help="How many answers; all, where there are no more.")] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="The end of the week that is looked at; now.")
    ] = None,
    rule: Annotated[
        list[str] | None, typer.Option("--rule", help="Ask about this rule; may be given three times.")
    ] = None,
    by: By = None,
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Open a review of a week's answers, see who is how far, draw its list again, share it out, or end it.

    The list is frozen when it is opened: a random panel in strata, and picks that speak for themselves alone.
    """
    given = words or []
    with session(resolve(Given(config, data_dir, api=api), Path.cwd()), by=by) as asked:
        if action is Action.OPEN:
            _none(action, given)
            instant = None if at is None else parse_instant(at, "--at")
            told = asked.ask(OpenReview(app, size, instant, tuple(rule or ())))
            _say(told, form, f"review {told['id']}: {told['n_items']} answers, due {told['due_at'][:10]}")
        elif action is Action.LIST:
            _none(action, given)
            print_list(asked.ask(Reviews()), COLUMNS, form)
        elif action is Action.MORE:
            asking = MoreItems(_id(action, given), size or AT_ONCE, _first(rule))
            _more(asked.ask(asking), form)
        elif action is Action.ASSIGN:
            told = asked.ask(AssignReview(_id(action, given[:1]), tuple(given[1:])))
            _say(told, form, ", ".join(f"{name}: {n} answers" for name, n in told["items"].items()))
        else:
            _ONE[action](asked, _id(action, given), form)
    return 0


def _first(rules: list[str] | None) -> str | None:
    if rules and len(rules) > 1:
        raise UsageError(
            "review more is about one rule (--rule ID once, or leave it out for the one that is known least)"
        )
    return rules[0] if rules else None


def _more(told: Mapping[str, Any], form: Form) -> None:
    _say(told, form, f"{told['new']} answers more, where they tell most of {told['rule']} in {told['app']}:")
    if form is Form.TABLE:
        show.print_table(["stratum", "more"], [list(row) for row in told["strata"].items()])


def _none(action: Action, given: list[str]) -> None:
    if given:
        raise UsageError(f"review {action} takes no {given[0]!r} (see `plumbline review --help`)")


def _id(action: Action, given: list[str]) -> str:
    if len(given) != 1:
        raise UsageError(f"review {action} needs the id of one review (see `plumbline review list`)")
    return given[0]


def _say(told: Mapping[str, Any], form: Form, sentence: str) -> None:
    show.print_json(told) if form is Form.JSON else print(sentence)


def _show(asked: Session, review_id: str, form: Form) -> None:
    told = asked.ask(Review(review_id))
    if form is Form.JSON:
        show.print_json(told)
        return
    print(f"review {review_id}: {told['n_done']} of {told['n_items']} answers judged, due {told['due_at'][:10]}")
    names = ["name", "n_units", "n_taken", "probability"]
    show.print_table(names, [[row[name] for name in names] for row in told["strata"]])
    if told["people"]:
        show.print_table(["person", "assigned", "done"], [list(row.values()) for row in told["people"]])


def _redraw(asked: Session, review_id: str, form: Form) -> None:
    told = asked.ask(RedrawReview(review_id))
    if form is Form.JSON:
        show.print_json({"items": told["items"]})
    else:
        names = ["unit_id", "stratum", "inclusion_probability"]
        show.print_table(names, [[row[name] for name in names] for row in told["items"]])


def _results(asked: Session, review_id: str, form: Form) -> None:
    _told(asked.ask(ReviewResults(review_id)), form)


def _close(asked: Session, review_id: str, form: Form) -> None:
    _told(asked.ask(CloseReview(review_id)), form)


def _want(asked: Session, subject: str, form: Form) -> None:
    told = asked.ask(WantItems(subject))
    _say(told, form, f"{told['new']} of {told['of']} answers are new among those that the next review takes up")


def _told(results: dict[str, Any], form: Form) -> None:
    if form is Form.JSON:
        show.print_json(results)
        return
    for rule in results["rules"]:
        print(f"{show.one_line(rule['title'])} ({show.one_line(rule['rule_id'])}, {show.one_line(rule['app'])})")
        for line in (rule["sentence"], rule.get("learnt"), rule["not_judged"], _of_picks(rule["picks"])):
            if line:
                print(f"  {line}")


def _of_picks(picks: dict[str, int]) -> str:
    if not picks["judged"]:
        return ""
    return f"Of {picks['judged']} picked for what they are, {picks['violations']} break it; they are in no rate."


_ONE: Final[Mapping[Action, Callable[[Session, str, Form], None]]] = {
    Action.SHOW: _show,
    Action.REDRAW: _redraw,
    Action.CLOSE: _close,
    Action.RESULTS: _results,
    Action.WANT: _want,
}
