"""Policy: what the rules say, whose they are, how often each is broken against its limits, and whether its examples hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import streamlit as st

from dashboards.charts.over_time import rate_over_time
from dashboards.client import Row, where_told
from dashboards.four_weeks import four_weeks, in_words
from dashboards.judges import judges
from dashboards.listing import Column, listing
from dashboards.markup import draw
from dashboards.numbers import count, share, share_interval, utc, when
from dashboards.policy_edit import change
from dashboards.rules import COLOURS, ENOUGH, Rule, rules_of
from dashboards.scope import Context
from dashboards.tables import still
from dashboards.text import code, label, one_line, plain

_text = st.column_config.TextColumn
VERDICTS: Final = {"violates": "breaks it", "complies": "is fine", "borderline": "on the border"}
OUTCOMES: Final = {"passed": "as labelled", "failed": "not as labelled", "open": "nothing here can tell"}


def show(context: Context) -> None:
    """Draw all rules, or the one that the address names."""
    rules = rules_of(context.agent)
    wanted = st.query_params.get("rule")
    if not rules:
        st.info("The agent tells no policies. policies: in plumbline.yaml names the folder they are in.")
    elif wanted:
        _one(context, rules.get(wanted), wanted)
    else:
        _all(context, rules)


def _all(context: Context, rules: dict[str, Rule]) -> None:
    rates = {(row["rule_id"], row["app"]): row for row in context.agent.read("rates_now", **context.scope.within)}
    apps = sorted({app for _, app in rates})
    held = [(rule, app) for rule in rules.values() for app in apps if (rule.id, app) in rates]
    graded = {rule_id for rule_id, _ in rates}
    idle = [rule for rule in rules.values() if rule.id not in graded and not (rule.policy["elsewhere"] and graded)]
    held += [(rule, "") for rule in idle]
    held.sort(key=lambda pair: (pair[0].rank, -pair[0].distance(rates.get((pair[0].id, pair[1])))))
    st.subheader("What the AI may and may not do")
    listing(context, "rules", RULES, [(rule, app, rates.get((rule.id, app))) for rule, app in held])
    _prompts(context)
    _files(rules)


Held = tuple[Rule, str, Row | None]
"""A rule, an application that it holds for ("" where none is known), and its newest rate there."""


def _severity(held: Held) -> str:
    return "advice" if held[0].told["authority"] == "advisory" else str(held[0].told["severity"])


def _broken_in(held: Held) -> str:
    rate = held[2]
    if rate is None or rate["value"] is None:
        return ""
    bounds = f" ({share_interval(rate['low'], rate['high'])})" if rate["low"] is not None else ""
    return f"{share(rate['value'])}{bounds}"


RULES: Final[tuple[Column[Held], ...]] = (
    Column("Rule", lambda held: held[0].title, link=lambda held: ("policy", {"rule": held[0].id}), width=5),
    Column("Severity", _severity, colour=lambda held: COLOURS.get(_severity(held), "gray")),
    Column("Stands", lambda held: held[0].standing(held[2]), width=3),
    Column("Broken in", _broken_in, width=3),
    Column("App", lambda held: held[1], width=2),
    Column("Owner", lambda held: held[0].policy["owner"], width=3),
)


def _files(rules: dict[str, Rule]) -> None:
    policies = {rule.policy["id"]: rule.policy for rule in rules.values()}
    for policy in policies.values():
        where = "where no other policy holds" if policy["elsewhere"] else ", ".join(policy["apps"]) or "everywhere"
        review = f"; its review was due on {policy['review_by']}" if policy["review_due"] else ""
        shadow = "; in shadow: it grades and tells nobody" if policy["status"] == "shadow" else ""
        st.caption(
            label(f"{policy['id']} {policy['version']} holds {where}{shadow}{review}. Hash {policy['hash'][:12]}.", 300)
        )


def _prompts(context: Context) -> None:
    """Say which applications lack the policy in their system prompt."""
    checks: list[Row] = where_told(context.agent, "promptcheck", [])
    for one in (check for check in checks if check["missing"]):
        since = f", as far as is known since {when(one['since'])}" if one["since"] else ""
        n = len(one["missing"])
        lacks = f"lacks {n} {'rule' if n == 1 else 'rules'} of {one['policy']} {one['version']}{since}"
        st.info(
            label(
                f"The system prompt of {one['app']} {lacks}. plumbline policy render --as system-prompt prints them.",
                300,
            )
        )


def _one(context: Context, rule: Rule | None, wanted: str) -> None:
    context.link("policy", {}, "All rules")
    if rule is None:
        st.title("Not found", anchor=False)
        st.info(label(f"No policy in force has a rule {wanted}. It may be retired.", 200))
        return
    st.title(label(rule.title, 200), anchor=False)
    _statement(rule)
    _cards(rule)
    _rates(context, rule)
    judges(context, {rule.id: rule}, rule.id)
    _examples(rule)
    _versions(context, rule)
    if st.toggle("Change this policy", key=f"change-{rule.policy['id']}"):
        change(context, rule.policy["id"])


def _statement(rule: Rule) -> None:
    told = rule.told
    with st.container(horizontal=True, gap="small"):
        st.badge(label(told["severity"]), color=COLOURS.get(told["severity"], "gray"))  # type: ignore[arg-type]  # one of ours
        st.badge(label(f"{told['duty']}, {told['authority']}"), color="gray")
    plain(told["statement"])
    st.caption(label(f"Why: {told['rationale']}", 600))
    if told["allow"]:
        st.caption(label(f"Fine: {'; '.join(told['allow'])}", 600))
    owner = rule.policy["owner"] or "nobody"
    page = f", {told['page']} is told of incidents" if told["page"] else ""
    playbook = f", playbook {told['playbook']}" if told["playbook"] else ""
    graders = ", ".join(told["asked"]) or "nothing that runs here: it is never graded"
    st.caption(
        label(
            f"Owner: {owner}{page}{playbook}. Looked for by: {graders}. {rule.id} of {rule.policy['id']} {rule.policy['version']}.",
            400,
        )
    )


def _cards(rule: Rule) -> None:
    """What each of its graders is worth; of a judge its card tells, which people's labels make."""
    for card in rule.told.get("cards") or ():
        kind = card.partition(":")[0]
        if not card.endswith("not measured"):
            st.caption(label(f"Measured: {card}", 400))
        elif kind == "judge":
            st.caption(label("judge: how often it is right stands on its card, once people have checked it", 400))
        else:
            st.caption(label(f"{kind}: how often it is right is not measured", 400))


def _rates(context: Context, rule: Rule) -> None:
    rates = [
        row for row in context.agent.read("rates", rule=rule.id, **context.scope.within) if row["segment"] == "all"
    ]
    st.subheader("How often it is broken")
    if rule.told["zero_tolerance"]:
        st.caption("One case is one too many: the first one pages, whatever the rate is.")
    if not rates:
        st.info("Nothing was graded under this rule in this range.")
    lately = four_weeks(context) if "judge" in rule.told["graders"] else {}
    for app in dict.fromkeys(row["app"] for row in rates):
        if (rule.id, app) in lately:
            plain(f"{app}: {in_words(lately[rule.id, app])}")
        _app(rule, str(app), [row for row in rates if row["app"] == app])


def _app(rule: Rule, app: str, rows: Sequence[Row]) -> None:
    known = [row for row in rows if row["value"] is not None]
    newest = next((row for row in reversed(known) if row["n_graded"] >= ENOUGH), known[-1] if known else None)
    says = f"{app}: {rule.standing(newest)}"
    if newest is not None:
        bounds = share_interval(newest["low"], newest["high"])
        says += f". {share(newest['value'])} of {count(newest['n_graded'])} graded answers break it ({bounds}), window from {when(newest['window_start'])}"
    plain(says)
    far = [name for limit, name in rule.limits]
    st.caption(label(", ".join(far), 200))
    points = [
        {"time": utc(r["window_start"]), **{k: r[k] for k in ("value", "low", "high")}, "n": r["n_graded"]}
        for r in rows
    ]
    span = min((utc(r["window_end"]) - utc(r["window_start"]) for r in rows), default=timedelta(days=1))
    draw(rate_over_time(points, span, limits=rule.limits))


def _examples(rule: Rule) -> None:
    st.subheader("Examples, each one a test")
    if not rule.told["examples"]:
        st.info("This rule has no examples; nothing shows that it can be told apart.")
        return
    cells = [
        {
            "label": VERDICTS.get(e["label"], e["label"]),
            "input": one_line(e["input"]),
            "output": one_line(e["output"], 400),
            "outcome": OUTCOMES.get(e["outcome"], e["outcome"]),
            "reason": one_line(e["reason"]),
        }
        for e in rule.told["examples"]
    ]
    columns: dict[str, Any] = {
        "label": _text("Label", width=95),
        "input": _text("User said", width=220),
        "output": _text("User saw", width=380),
        "outcome": _text("Comes out", width=130),
        "reason": _text("Why", width=280),
    }
    still(cells, columns)


def _versions(context: Context, rule: Rule) -> None:
    """What was in force before; only an agent with a folder of policies of its own knows."""
    versions: list[Row] = where_told(context.agent, "versions", [], policy=rule.policy["id"])
    with st.expander("Versions, and how to change this rule"):
        for one in versions:
            approved = f", approved by {one['approved_by']}" if one["approved_by"] else ""
            plain(
                f"{one['version']} ({one['status']}): {one['act']} {when(one['at'])} by {one['actor']}{approved}, hash {one['hash'][:12]}"
            )
        st.caption("The same on the command line:")
        code(
            f"plumbline policy preview FILE --last 7d\nplumbline policy activate FILE\nplumbline policy rollback {rule.policy['id']}"
        )
