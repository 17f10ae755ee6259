"""`plumbline policy`: what a policy says, whether its examples hold, what is weak in it, what differs between two of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from monitor.clock import SystemClock
from monitor.errors import UsageError
from monitor.graders.cards import card_of
from monitor.graders.grader import kind_of
from monitor.policy.changes import changes, flips, step
from monitor.policy.checks import lint
from monitor.policy.load import read_policies
from monitor.policy.packs import unpack
from monitor.policy.reminders import due, waiting
from monitor.policy.rendering import Reader, in_order, render
from monitor.policy.schema import Policy
from monitor.policy.trying import only_judged, try_examples, untested
from plumbline.cli import show
from plumbline.cli.deferred import deferred
from plumbline.cli.settings import Given, resolve
from plumbline.cli.typed import Api, Config, DataDir, Form, Format

if TYPE_CHECKING:
    from plumbline.cli import policy_acts
else:
    policy_acts = deferred("plumbline.cli.policy_acts")


class Action(StrEnum):
    """What to do with policies."""

    TEST = "test"
    LINT = "lint"
    SHOW = "show"
    DIFF = "diff"
    RENDER = "render"
    STARTER = "starter"
    PREVIEW = "preview"
    ACTIVATE = "activate"
    ROLLBACK = "rollback"
    VERSIONS = "versions"
    PROMPTS = "prompts"


class Status(StrEnum):
    """What a policy is put in force as."""

    ACTIVE = "active"
    SHADOW = "shadow"
    RETIRED = "retired"


class For(StrEnum):
    """Who reads a rendering."""

    JUDGE = "judge"
    PROMPT = "system-prompt"
    PAGE = "page"


@dataclass(frozen=True)
class Wanted:
    """What was asked for on the command line; `paths` are files or folders of policies."""

    paths: list[Path]
    form: Form
    reader: Reader
    region: str | None
    configured: Path | None
    judges: Collection[str] = ()

    def policies(self) -> list[Policy]:
        """Return the policies of the path given, else those of the settings, else the starter policy. Raises `ConfigError`."""
        if len(self.paths) > 1:
            raise UsageError(f"one file or folder, not {len(self.paths)} (policy diff takes two)")
        return read_policies(self.paths[0] if self.paths else self.configured)


def run(
    action: Annotated[
        Action,
        typer.Argument(
            help="test, lint, show or render [PATH]; diff A B; starter FOLDER; preview or activate FILE; rollback or versions ID; prompts."
        ),
    ],
    paths: Annotated[
        list[str] | None, typer.Argument(help="Policy file or folder; where not given, that of the settings.")
    ] = None,
    reader: Annotated[For, typer.Option("--as", help="For whom to render.")] = For.PAGE,
    region: Annotated[str | None, typer.Option("--region", help="Render with what this region adds.")] = None,
    last: Annotated[str, typer.Option("--last", metavar="DURATION", help="Preview: of how much traffic.")] = "7d",
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="Preview: of a draw of so many answers only.")
    ] = None,
    status: Annotated[Status, typer.Option("--status", help="Activate as this.")] = Status.ACTIVE,
    approved_by: Annotated[str, typer.Option("--approved-by", metavar="NAME", help="Activate: who approved it.")] = "",
    form: Format = Form.TABLE,
    config: Config = None,
    data_dir: DataDir = None,
    api: Api = None,
) -> int:
    """Test, read, compare and preview policies; put one in force, and take it back.

    test grades every example of every rule: exit code 0 when all come out as labelled, 1 when one does not, 2 when a file cannot
    be read. lint names what is weak, waits for something, or is due (1 when there is anything). diff says what differs and how
    far the version has to move. render prints the policy as a judge, a model that follows it, or people read it.
    starter writes rules to begin with into FOLDER: some in force, some to watch in shadow, some that wait for a judge.

    preview grades stored traffic with FILE beside the policies in force, a draw first, and stores nothing. activate writes FILE
    into the folder of policies, rollback brings back the version before, versions lists what was in force, and
    prompts says which applications lack a policy in the system prompt that their traces show: these ask the agent.
    """
    resolved = resolve(Given(config, data_dir, api=api), Path.cwd())
    if action in ACTS:
        asked = policy_acts.Asked(paths or [], form, resolved, last, sample, status.value, approved_by)
        return ACTS[action]()(asked)
    configured = None if resolved.settings.policies is None else Path(resolved.settings.policies)
    judges = resolved.settings.judges
    return ACTIONS[action](Wanted([Path(path) for path in paths or []], form, reader.value, region, configured, judges))


def _test(wanted: Wanted) -> int:
    policies = wanted.policies()
    tried = list(try_examples(policies, SystemClock()))
    failed = [one for one in tried if one.outcome == "failed"]
    if wanted.form is Form.JSON:
        show.print_json(
            {
                "examples": [asdict(one) for one in tried],
                "untested": untested(policies, tried),
                "only_judged": only_judged(policies),
            }
        )
    else:
        if failed:
            columns = ["rule", "example", "label", "verdict", "reason"]
            show.print_table(columns, [[x.rule_id, x.example, x.label, x.verdict, x.reason] for x in failed])
        passed = sum(one.outcome == "passed" for one in tried)
        print(
            f"{passed} of {len(tried)} examples passed, {len(failed)} failed, {len(tried) - passed - len(failed)} are open"
        )
        _name("no example shows that a violation is found", untested(policies, tried))
        _name("only a judge could decide", only_judged(policies))
    return 1 if failed else 0


def _name(what: str, rules: list[str]) -> None:
    if rules:
        print(f"{what}: {', '.join(rules)}")


def _lint(wanted: Wanted) -> int:
    today, found = SystemClock().now().date(), []
    for policy in wanted.policies():
        text = Path(policy.path).read_text(encoding="utf-8")
        found += [*lint(policy, text), *waiting(policy, text, wanted.judges), *due(policy, text, today)]
    records = [{"place": f"{one.path}:{one.line}", "rule": one.rule_id or "", "warning": one.warning} for one in found]
    if wanted.form is Form.JSON:
        show.print_json(records)
    elif records:
        show.print_table(list(records[0]), [list(record.values()) for record in records])
    else:
        print("nothing is weak")
    return 1 if records else 0


def _show(wanted: Wanted) -> int:
    records = [
        {
            "rule": rule.id,
            "title": rule.text.title,
            "severity": rule.text.severity or policy.file.defaults.severity,
            "authority": rule.text.authority,
            "status": policy.status,
            "owner": policy.owner,
            "examples": len(rule.text.examples),
            "graders": "; ".join(f"{kind_of(g)}: {card_of(g)}" for g in rule.text.graders) or "none",
            "policy": f"{policy.id} {policy.version}",
            "hash": policy.hash[:12],
        }
        for policy in wanted.policies()
        for rule in in_order(policy)
    ]
    if wanted.form is Form.JSON:
        show.print_json(records)
    else:
        show.print_table(list(records[0]), [list(record.values()) for record in records])
    return 0


def _diff(wanted: Wanted) -> int:
    if len(wanted.paths) != 2:
        raise UsageError("diff compares two policy files (plumbline policy diff OLD.yaml NEW.yaml)")
    before, after = (_single(path) for path in wanted.paths)
    found, flipped = changes(before, after), flips(before, after, SystemClock())
    if wanted.form is Form.JSON:
        told = [{**asdict(change), "sentence": str(change)} for change in found]
        verdicts = [dict(zip(("rule", "example", "before", "after"), flip, strict=True)) for flip in flipped]
        show.print_json({"changes": told, "flips": verdicts, "step": step(found, flipped)})
        return 0
    for change in found:
        print(show.one_line(str(change)))
    for rule_id, example, was, now in flipped:
        print(show.one_line(f"{rule_id}: example {example} was graded {was}, is graded {now}"))
    print(f"a {step(found, flipped)} step" if found else "no difference")
    return 0


def _single(path: Path) -> Policy:
    policies = read_policies(path)
    if len(policies) != 1:
        raise UsageError(f"{path} holds {len(policies)} policies (name one file)")
    return policies[0]


def _render(wanted: Wanted) -> int:
    policies = wanted.policies()
    if wanted.form is Form.JSON:
        show.print_json([{"policy": p.id, "text": render(p, wanted.reader, wanted.region)} for p in policies])
    else:
        print("\n".join(show.harmless(render(policy, wanted.reader, wanted.region)) for policy in policies), end="")
    return 0


def _starter(wanted: Wanted) -> int:
    if len(wanted.paths) != 1:
        raise UsageError("starter writes into one folder (plumbline policy starter policies)")
    made = unpack(wanted.paths[0])
    held = [(path, read_policies(path)[0]) for path in made]
    if wanted.form is Form.JSON:
        show.print_json(
            [{"file": str(path), "status": policy.status, "rules": len(policy.rules)} for path, policy in held]
        )
        return 0
    for path, policy in held:
        print(f"{path}: {len(policy.rules)} rules, {policy.status}")
    print(f"name the folder in plumbline.yaml (policies: {wanted.paths[0]}), and read them: plumbline policy render")
    return 0


ACTIONS: Final[Mapping[Action, Callable[[Wanted], int]]] = {
    Action.TEST: _test,
    Action.LINT: _lint,
    Action.SHOW: _show,
    Action.DIFF: _diff,
    Action.RENDER: _render,
    Action.STARTER: _starter,
}

ACTS: Final[Mapping[Action, Callable[[], Callable[[Any], int]]]] = {
    Action.PREVIEW: lambda: policy_acts.preview,
    Action.ACTIVATE: lambda: policy_acts.activate,
    Action.ROLLBACK: lambda: policy_acts.roll_back,
    Action.VERSIONS: lambda: policy_acts.versions,
    Action.PROMPTS: lambda: policy_acts.prompts,
}
"""What needs the agent; found only when it is asked for, since the rest needs no store."""
