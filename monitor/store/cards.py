"""What judges and people said of the same answers, as the cards of judges are made from it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import polars as pl

from monitor.model import dimensions
from monitor.store.precedence import CONTESTED, HUMAN, JUDGE, rank
from monitor.store.reads import Reader

_DIMS: Final = ", ".join(f"t.{name}" for name in dimensions.NAMES)

_PEOPLE: Final = f"""
    SELECT unit_id, rule_id, verdict AS label FROM base.grades g
    WHERE starts_with(grader, '{HUMAN}') AND time >= $since
    QUALIFY row_number() OVER (PARTITION BY unit_id, rule_id ORDER BY {rank("g")}, graded_at DESC) = 1
        AND {rank("g")} < {CONTESTED} AND verdict IN ('violates', 'complies')"""
"""What people agree on, or somebody decided."""

_LOOKED: Final = f"""
    SELECT unit_id, rule_id, min(graded_at) AS first_at, max(graded_at) AS labelled_at FROM base.grades
    WHERE starts_with(grader, '{HUMAN}') AND time >= $since GROUP BY ALL"""
"""When people looked at it first and last."""

_PLANNED: Final = f"""
    SELECT unit_id, rule_id, 1 - product(1 - p) AS asked_probability FROM (
        SELECT unit_id, rule_id, plan, max(inclusion_probability) AS p FROM base.grades
        WHERE starts_with(grader, '{HUMAN}') AND plan IS NOT NULL AND time >= $since GROUP BY ALL)
    GROUP BY ALL"""
"""How probably the plans together asked people about it."""

_DRAWN: Final = """
    SELECT unit_id, list(plan) AS plans, 1 - product(1 - p) AS inclusion_probability FROM (
        SELECT unit_id, plan, max(inclusion_probability) AS p FROM base.samples
        WHERE time >= $since AND unit_id IN (SELECT unit_id FROM people) GROUP BY ALL)
    GROUP BY ALL"""
"""How probably it was drawn for judges."""

_ASKED: Final = """
    SELECT unit_id, rule_id, inclusion_probability AS judge_probability, drawn AS judge_drawn FROM base.judge_draws
    WHERE time >= $since AND unit_id IN (SELECT unit_id FROM people)"""
"""How probably a judge was asked about it, by strata."""

_JUDGES: Final = f"""
    SELECT unit_id, rule_id, replace(grader, 'judge:', '') AS judge, grader_version AS version,
           coalesce(proposed, verdict) AS said, score AS belief, graded_at AS judged_at
    FROM base.grades g SEMI JOIN people USING (unit_id, rule_id)
    WHERE standing = {JUDGE} AND time >= $since AND coalesce(proposed, verdict) <> 'not_graded'
    QUALIFY row_number() OVER (PARTITION BY unit_id, rule_id, grader, grader_version ORDER BY graded_at DESC) = 1"""
"""The newest word of each version of a judge about the same."""

_CALLS: Final = """
    SELECT unit_id, rule_id, judge, key, state, time FROM base.judge_calls SEMI JOIN people USING (unit_id, rule_id)
    WHERE known IS NULL AND state IN ('ok', 'cached')"""
"""The calls that judges' words came from; those on known items are not of answers."""

_BEHIND: Final = """
    SELECT j.unit_id, j.rule_id, j.judge, j.version, arg_max(c.key, c.time) AS key, arg_max(c.state, c.time) AS state, max(c.time) AS time
    FROM judges j JOIN calls c ON c.unit_id = j.unit_id AND c.rule_id = j.rule_id AND c.time <= j.judged_at
        AND (c.judge = j.judge OR j.judge NOT IN (SELECT judge FROM base.judge_calls WHERE state = 'ok'))
    GROUP BY j.unit_id, j.rule_id, j.judge, j.version, c.judge"""
"""The call behind a word: the judge's own, or those of the members of a panel that was asked through others."""

_SPOKE: Final = """
    SELECT b.unit_id, b.rule_id, b.judge, b.version, min(coalesce(o.time, b.time)) AS spoken_at FROM behind b
    ASOF LEFT JOIN (SELECT key, time FROM base.judge_calls WHERE state = 'ok' AND known IS NULL AND key IN (SELECT key FROM calls)) o
        ON o.key = b.key AND o.time <= b.time
    GROUP BY ALL"""
"""When the word was said first: that of the cache was said when its question was answered."""

_BEGAN: Final = f"""
    SELECT rule_id, replace(grader, 'judge:', '') AS judge, grader_version AS version, min(graded_at) AS began, max(graded_at) AS last_at
    FROM base.grades WHERE standing = {JUDGE} AND time >= $since GROUP BY ALL"""
"""From when to when each version judged a rule."""

_PAIRED: Final = f"""
    SELECT j.rule_id, j.judge, j.version, j.said, j.belief, least(j.judged_at, coalesce(s.spoken_at, j.judged_at)) AS judged_at, p.label, l.labelled_at, l.first_at >= b.began AS unseen, b.began, b.last_at,
           q.asked_probability, d.plans, d.inclusion_probability, a.judge_probability, a.judge_drawn, t.sampling_weight, t.seq, t.time, t.trace_id AS unit_id,
           coalesce(t.user_id, t.session_id, t.trace_id) AS unit, {_DIMS}
    FROM judges j JOIN people p USING (unit_id, rule_id) JOIN looked l USING (unit_id, rule_id)
    LEFT JOIN spoke s USING (unit_id, rule_id, judge, version) JOIN began b USING (rule_id, judge, version) LEFT JOIN planned q USING (unit_id, rule_id)
    LEFT JOIN drawn d USING (unit_id) LEFT JOIN asked a USING (unit_id, rule_id) JOIN base.turns t ON t.trace_id = unit_id
    ORDER BY j.rule_id, j.judge, j.version, t.seq"""

_STEPS: Final = {
    "people": _PEOPLE,
    "looked": _LOOKED,
    "planned": _PLANNED,
    "drawn": _DRAWN,
    "asked": _ASKED,
    "judges": _JUDGES,
    "calls": _CALLS,
    "behind": _BEHIND,
    "spoke": _SPOKE,
    "began": _BEGAN,
}


def pairs(reader: Reader, since: datetime) -> pl.DataFrame:
    """Return a row for each answer after `since` (naive UTC) and rule on which people agree, or somebody decided, and version of a judge that judged it too.

    `rule_id`, `judge`, `version`, `said` (its word, also one that it only proposed) and `belief`; `label`, `labelled_at` (the newest)
    and `unseen`: whether nobody had labelled it before that version judged this rule first, of answers after `since`, so that a label counts
    rather too seldom than too often; `judged_at` is when it said so (what is known from an earlier reply was said then; of a panel the oldest word of a member counts), `began` and `last_at` when it judged the rule first and last. `asked_probability` is that of the plans that
    picked it for its labels together, NULL where nobody knows it; what the sampling plans of judges say goes by `plans`,
    `inclusion_probability`, `judge_probability`, `judge_drawn`, `seq`, `sampling_weight` and the dimensions, as `monitor.weighing` wants it; `unit` is whoever it is of.
    """
    steps = ", ".join(f"{name} AS ({query})" for name, query in _STEPS.items())
    return reader.frame(f"WITH {steps} {_PAIRED}", {"since": since})


def at_work(reader: Reader, since: datetime) -> list[tuple[tuple[str, str, str, str], datetime, datetime, list[str]]]:
    """Return of each rule, judge, version and language ("" where unknown) that judged after `since`, when that version judged first and last, and of which apps."""
    rows = reader.frame(
        f"""
        SELECT g.rule_id, replace(g.grader, 'judge:', '') AS judge, g.grader_version, coalesce(t.language, '') AS language,
               min(min(g.graded_at)) OVER version AS began, max(max(g.graded_at)) OVER version AS last_at,
               list(DISTINCT coalesce(t.app, '')) AS apps
        FROM base.grades g JOIN base.turns t ON t.trace_id = g.unit_id
        WHERE g.standing = {JUDGE} AND g.time >= $since AND coalesce(g.proposed, g.verdict) <> 'not_graded'
        GROUP BY g.rule_id, g.grader, g.grader_version, language
        WINDOW version AS (PARTITION BY g.rule_id, g.grader, g.grader_version) ORDER BY ALL""",
        {"since": since},
    )
    return [(row[:4], *row[4:]) for row in rows.iter_rows()]
