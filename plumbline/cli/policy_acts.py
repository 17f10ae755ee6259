"""What `plumbline policy` asks of the agent: previews, putting in force, going back, and what was in force."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from monitor.errors import UsageError
from monitor.policy.load import read_policies
from plumbline.api.policy_questions import ActivatePolicy, PreviewPolicy, PromptCheck, RollBackPolicy, Versions
from plumbline.cli import show
from plumbline.cli.progress import bar
from plumbline.cli.session import session
from plumbline.cli.settings import Resolved
from plumbline.cli.typed import Form

FIRST: Final = 2_000
"""Answers that are drawn for a first word, before all are graded."""

CHANGED: Final = 5
"""Answers with another verdict that a table names."""


@dataclass(frozen=True)
class Asked:
    """What was asked for on the command line, and where the agent is."""

    words: list[str]
    form: Form
    resolved: Resolved
    last: str = "7d"
    sample: int | None = None
    status: str = "active"
    approved_by: str = ""

    def word(self, what: str) -> str:
        """Return the one word that was given. Raises `UsageError`."""
        if len(self.words) != 1:
            raise UsageError(f"one {what} is needed, {len(self.words)} were given")
        return self.words[0]

    def text(self) -> tuple[str, str]:
        """Return name and text of the file that was given, read once already so that an error names its line."""
        path = Path(self.word("policy file"))
        read_policies(path)
        return str(path), path.read_text(encoding="utf-8")


def preview(asked: Asked) -> int:
    """Print what the file would change: first of a draw, then of all."""
    name, text = asked.text()
    with session(asked.resolved) as agent, bar("preview") as progress:
        found = agent.ask(PreviewPolicy(name, text, asked.last, asked.sample or FIRST), progress)
        if asked.sample is None and found["turns"] < found["of"]:
            show.note(_first_word(found))
            found = agent.ask(PreviewPolicy(name, text, asked.last), progress)
    if asked.form is Form.JSON:
        show.print_json(found["rules"])
    else:
        _print(found)
    return 0


def _first_word(found: dict[str, Any]) -> str:
    moved = [rule for rule in found["rules"] if rule["newly_flagged"] or rule["no_longer_flagged"]]
    told = "; ".join(f"{rule['title']}: {_rates(rule)}" for rule in moved) or "no verdict changes"
    return f"of a draw of {found['turns']:,} of {found['of']:,} answers: {told}. Now all of them ..."


def _rates(rule: dict[str, Any]) -> str:
    return f"{_rate(rule, 'before')} before, {_rate(rule, 'after')} after"


def _rate(rule: dict[str, Any], when: str) -> str:
    if rule[f"rate_{when}"] is None:
        return "not graded"
    low, high = rule[f"interval_{when}"]
    return f"{100 * rule[f'rate_{when}']:.2f} % ({100 * low:.2f} to {100 * high:.2f})"


def _print(found: dict[str, Any]) -> None:
    columns = ["rule", "title", "app", "before", "after", "newly flagged", "no longer", "would alert"]
    rows = [
        [
            rule["rule_id"],
            rule["title"],
            rule["app"],
            _rate(rule, "before"),
            _rate(rule, "after"),
            len(rule["newly_flagged"]),
            len(rule["no_longer_flagged"]),
            rule["level_after"] if rule["level_after"] in {"case", "incident", "warn"} else "no",
        ]
        for rule in found["rules"]
    ]
    show.print_table(columns, rows)
    for rule in found["rules"]:
        for key, words in (("newly_flagged", "newly flagged"), ("no_longer_flagged", "no longer flagged")):
            if rule[key]:
                print(f"{show.one_line(rule['title'])}, {words}: {', '.join(rule[key][:CHANGED])}")
    print(f"{found['turns']:,} of {found['of']:,} answers graded; nothing was stored")


def activate(asked: Asked) -> int:
    """Put the file in force."""
    name, text = asked.text()
    with session(asked.resolved) as agent:
        told = agent.ask(ActivatePolicy(name, text, asked.status, asked.approved_by))  # type: ignore[arg-type]  # checked by typer
    return _told(asked, told)


def roll_back(asked: Asked) -> int:
    """Put the version before in force."""
    policy = asked.word("policy id")
    with session(asked.resolved) as agent:
        return _told(asked, agent.ask(RollBackPolicy(policy)))


def _told(asked: Asked, told: dict[str, str]) -> int:
    if asked.form is Form.JSON:
        show.print_json(told)
    else:
        print(
            show.one_line(
                f"{told['policy']} {told['version']} is {told['status']} now ({told['file']}, hash {told['hash'][:12]})"
            )
        )
    return 0


def versions(asked: Asked) -> int:
    """Print what was in force, newest first."""
    policy = asked.word("policy id")
    with session(asked.resolved) as agent:
        found = agent.ask(Versions(policy))
    if asked.form is Form.JSON:
        show.print_json(found)
    else:
        show.print_table(list(found[0]), [list(one.values()) for one in found])
    return 0


def prompts(asked: Asked) -> int:
    """Print which applications lack a policy in their system prompt; exit code 1 when one does."""
    with session(asked.resolved) as agent:
        found = agent.ask(PromptCheck())
    if asked.form is Form.JSON:
        show.print_json(found)
    else:
        for one in found:
            lacks = (
                f"lacks {', '.join(one['missing'])}, as far as is known since {one['since']}"
                if one["missing"]
                else "has all rules"
            )
            print(show.one_line(f"{one['app']}: its system prompt {lacks} ({one['policy']} {one['version']})"))
        if not found:
            print("no trace of the last 30 days shows a system prompt")
    return 1 if any(one["missing"] for one in found) else 0
