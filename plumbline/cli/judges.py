"""`plumbline judges`: how far the judges of the house can be trusted, rule by rule, and which may only propose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from monitor.wording import minute
from plumbline.api.grading_questions import JudgeCards
from plumbline.cli import show
from plumbline.cli.lists import print_list
from plumbline.cli.session import session
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, By, Config, DataDir, Form, Format

COLUMNS: Final = ("rule", "judge", "language", "stands", "finds", "false alarms", "answers", "newest")


def run(
    rule: Annotated[str | None, typer.Option("--rule", help="Of one rule; left out, of all that ask a judge.")] = None,
    form: Format = Form.TABLE,
    by: By = None,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Tell of each rule and judge what it finds and its false alarms, by the labels of people, and whether it decides or only proposes.

    Versions of a judge that are no longer at work are told with --format json alone.
    """
    with session(resolve(Given(config, data_dir, api=api), Path.cwd()), by=by) as asked:
        cards = [card for card in asked.ask(JudgeCards()) if rule in {None, card["rule"]}]
    if form is Form.JSON:
        show.print_json(cards)
        return 0
    _print([card for card in cards if card["current"]])
    return 0


def _print(cards: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        {
            **{name: card[name] for name in ("rule", "judge")},
            "language": card["language"] or "not known",
            "stands": "decides" if card["decides"] else "only proposes",
            "finds": _share(card["recall"]),
            "false alarms": _share(card["alarms"]),
            "answers": card["n_violate"] + card["n_comply"],
            "newest": (card["newest"] or "")[:10],
        }
        for card in cards
    ]
    print_list(rows, COLUMNS, Form.TABLE, "no rule in force asks a judge that is connected")
    for card in cards:
        if not card["decides"]:
            show.note(show.one_line(f"{card['rule']}: {card['judge']} only proposes, since {card['why']}"))
        elif card["changed_at"] and not card["demands"]:
            changed = f"{card['judge']} changed by {minute(card['changed_at'])} and goes on deciding, since the rule demands nothing of it"
            show.note(show.one_line(f"{card['rule']}: {changed} (decision.min_recall, max_false_alarm)"))


def _share(told: Mapping[str, float] | None) -> str:
    return "not known" if told is None else f"{told['value']:.0%} ({told['low']:.0%} to {told['high']:.0%})"
