"""Tables of what was decided: whom judges are asked about, rates, findings, comparisons, and the detectors that found them."""

from __future__ import annotations

from typing import Final

from monitor.model.rows import Columns

JUDGE_DRAWS: Final[Columns] = {
    "unit_id": "str",
    "time": "time",
    "rule_id": "str",
    "app": "str",  # app, value and band make the stratum
    "value": "str",  # of the dimension that the policy names; "": it names none
    "band": "str",  # flagged | unsure | clean, by local graders
    "seed": "int",
    "waited": "bool",  # false: a local grader had decided
    "inclusion_probability": "float",
    "drawn": "bool",
    "oversampled": "bool",  # drawn, and not by the least rate of its app: rates weigh it, what takes answers as they come leaves it out
    "drawn_at": "time",
}
"""Which answers judges are asked about, a row an answer and rule, drawn or not."""

ESTIMATES: Final[Columns] = {
    "rule_id": "str",
    "app": "str",
    "segment": "str",  # "all" or "column=value"
    "window_start": "time",
    "window_end": "time",
    "method": "str",
    "value": "float",
    "low": "float",
    "high": "float",
    "confidence": "float",
    "n_units": "int",
    "n_graded": "int",
    "n_human": "int",
    "unit": "str",  # what is counted: turn | trace | session; NULL: turn
}

FINDINGS: Final[Columns] = {
    "id": "str",
    "kind": "str",
    "metric": "str",
    "app": "str",
    "segment": "str",
    "detected_at": "time",
    "since": "time",
    "since_low": "time",
    "since_high": "time",
    "reference_value": "float",
    "current_value": "float",
    "change": "float",
    "change_low": "float",
    "change_high": "float",
    "e_value": "float",
    "budget": "str",
    "cause": "str",
    "reason": "str",
    "examples": "str",  # JSON list of trace ids
    "origin": "str",  # live, or replay: what Plumbline would have told
    "state": "str",  # open | returned | accepted | expired; NULL is of before states were kept: expired
    "state_at": "time",
    "state_by": "str",  # the person who accepted it, or opened it again
    "state_reason": "str",
}

COMPARISONS: Final[Columns] = {
    "experiment": "str",
    "metric": "str",
    "control": "str",
    "arm": "str",
    "effect": "float",
    "low": "float",
    "high": "float",
    "n_control": "int",
    "n_arm": "int",
    "decision": "str",
    "reason": "str",
    "computed_at": "time",
    "app": "str",
    "role": "str",  # of the metric: primary | guardrail | other
}

TRACKERS: Final[Columns] = {"stream": "str", "state": "str", "updated_at": "time"}
"""State of one change detector as JSON; saved in the transaction that saves its findings."""
