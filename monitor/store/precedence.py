"""Which of several verdicts on one unit and rule stands for display: adjudicated > agreed people > judge > rule, newest of a kind.

Where people disagree and nobody has decided, none of them stands: the machine does, and where there is none the newest of them.
Estimators do not ask what stands: they read all verdicts.
"""

from __future__ import annotations

from typing import Final

ADJUDICATED: Final = 1
AGREED: Final = 2
JUDGE: Final = 3
RULE: Final = 4
CONTESTED: Final = 5

HUMAN: Final = "human:"
"""What the name of a grader begins with that is a person."""


def rank(row: str) -> str:
    """Return SQL for the standing of `row`, an alias of `base.grades`; the best is 1."""
    return f"coalesce({row}.standing, CASE WHEN starts_with({row}.grader, '{HUMAN}') THEN {AGREED} ELSE {RULE} END)"


BY_MACHINE: Final = f"{rank('g')} IN ({JUDGE}, {RULE})"

AS_THEY_CAME: Final = "g.oversampled IS NOT TRUE"
"""That grade `g` is no more likely to be there than those of other answers of its application: for means that weigh nothing."""

LATER: Final = f"""l.unit_id = g.unit_id AND l.rule_id = g.rule_id
    AND ({rank("l")} < {rank("g")} OR ({rank("l")} = {rank("g")}
        AND (l.graded_at > g.graded_at OR (l.graded_at = g.graded_at AND l.rowid > g.rowid))))"""
"""That grade `l` stands and `g` does not."""
