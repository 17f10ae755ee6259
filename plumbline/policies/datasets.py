"""Answers that make data sets out of what was graded; who sees some applications only gets cases of those."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monitor.clock import naive_utc
from monitor.config.yaml_lines import YamlText
from monitor.datasets import Redacted, case_of, cases, example_of
from monitor.errors import Forbidden, NotFound, UsageError
from monitor.model.values import Turn
from monitor.policy.growing import difference, free_id, with_example
from monitor.policy.load import given_policy
from monitor.policy.schema import Policy
from monitor.store import reads
from monitor.store.cases import Wanted
from monitor.store.opening import Store
from monitor.store.tool_uses import with_tools
from monitor.store.turns import turns_at
from plumbline.api.call import Actor
from plumbline.api.dataset_questions import AsCase, AsExample, DatasetCases
from plumbline.policies.activation import Activation


def as_cases(
    store: Store, policies: Sequence[Policy], asked: DatasetCases, actor: Actor, redacted: Redacted
) -> list[dict[str, Any]]:
    """Return graded turns as evaluation cases."""
    apps = None if actor.apps is None else sorted(actor.apps)
    span = (naive_utc(asked.start), naive_utc(asked.end))
    return cases(store, policies, Wanted(asked.rule, asked.named(), *span, asked.most, apps), redacted)


def as_example(
    store: Store, policies: Activation, asked: AsExample, actor: Actor, held: Sequence[Policy], redacted: Redacted
) -> dict[str, str]:
    """Return the file of a policy with a stored turn as one more example. Raises `NotFound`, `Forbidden`, `UsageError`, `ConfigError`."""
    turn = _turn(store, asked.id, actor)
    policy = next((one for one in policies.own(held) if any(rule.id == asked.rule for rule in one.rules)), None)
    if policy is None:
        raise UsageError(
            f"no policy of your folder has a rule {asked.rule} (plumbline policy starter FOLDER writes some)"
        )
    file = policies.text(policy.id)
    used = {example.id for rule in policy.rules if rule.id == asked.rule for example in rule.text.examples}
    after = with_example(
        YamlText(file["file"], file["text"]), asked.rule, example_of(turn, free_id(used), asked.label, redacted)
    )
    given_policy(file["file"], after, policies.clock)
    return {"file": file["file"], "text": after, "diff": difference(file["file"], file["text"], after)}


def as_case(store: Store, asked: AsCase, actor: Actor, held: Sequence[Policy], redacted: Redacted) -> dict[str, Any]:
    """Return a stored turn as an evaluation case that `actor` labels. Raises `NotFound`, `Forbidden`, `UsageError`."""
    turn = _turn(store, asked.id, actor)
    policy = next((one for one in held if any(rule.id == asked.rule for rule in one.rules)), None)
    if policy is None:
        raise UsageError(f"no policy in force has a rule {asked.rule} (see `plumbline policy show`)")
    return case_of(turn, policy, asked.rule, asked.label, redacted)


def _turn(store: Store, trace_id: str, actor: Actor) -> Turn:
    """Return a turn with its texts, for who may see them."""
    rows = reads.turn_row(store, trace_id)
    if rows.is_empty():
        raise NotFound(trace_id)
    if actor.apps is not None and (rows["app"][0] or "") not in actor.apps:
        raise Forbidden(f"{actor.name} does not see texts of this application")
    [turn] = with_tools(store, turns_at(store, [rows["seq"][0]], rows["time"][0]))
    if turn.output_text is None:
        raise UsageError("the text of this turn is not kept, so it is no example")
    return turn
