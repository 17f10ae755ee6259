"""The rules of the policies in force, as pages need them: by id, with how a rate stands against its limits, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dashboards.client import AgentReads, Refused, Row, Unknown
from dashboards.numbers import percent

ENOUGH: Final = 30
SEVERITIES: Final = ("critical", "high", "medium", "low")
LIMITS: Final = {"incident": "incident", "warn": "warning"}
UNDECIDED: Final = "not decided yet; a judge that has not shown enough only proposes"
COLOURS: Final = {"critical": "red", "high": "orange", "medium": "blue", "low": "gray"}


@dataclass(frozen=True)
class Rule:
    """One rule and the policy it is of, as the agent told them."""

    told: Row
    policy: Row

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.told["id"])

    @property
    def title(self) -> str:
        """What people call it."""
        return str(self.told["title"])

    @property
    def rank(self) -> int:
        """Its severity, the gravest first; advice comes last."""
        severity = self.told["severity"]
        graveness = SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)
        return graveness if self.told["authority"] != "advisory" else len(SEVERITIES) + 1

    @property
    def limits(self) -> list[tuple[float, str]]:
        """Its limits as lines of a chart."""
        known = self.told["limits"]
        return [(known[key], f"{word} beyond {_short(known[key])}") for key, word in LIMITS.items() if key in known]

    def distance(self, rate: Row | None) -> float:
        """Return how far the rate is beyond its nearest limit, as a multiple of it; below 1 it is within, -1 is not known."""
        lowest = min((limit for limit, _ in self.limits), default=None)
        if rate is None or rate["value"] is None or not lowest:
            return -1.0
        return float(rate["value"] / lowest)

    def standing(self, rate: Row | None) -> str:
        """Return how the rate stands against the limits, in words."""
        if rate is None or rate["value"] is None:
            return UNDECIDED if self.told["demanding"] and "judge" in self.told["graders"] else "not graded yet"
        if rate["n_graded"] < ENOUGH:
            return f"not enough yet ({rate['n_graded']} of {ENOUGH})"
        if self.told["zero_tolerance"] and rate["value"] > 0:
            return "a case was found; one is too many"
        beyond = next((word for key, word in LIMITS.items() if rate["low"] > self.told["limits"].get(key, 1.0)), None)
        if beyond:
            return f"beyond its {beyond} rate"
        over, may = (any(rate[name] > limit for limit, _ in self.limits) for name in ("value", "high"))
        return "above a limit, not surely" if over else "within its limits, not surely" if may else "within its limits"


def _short(limit: float) -> str:
    return percent(limit, 0 if limit >= 0.01 and round(100 * limit) == 100 * limit else 2 if limit < 0.01 else 1)


def rules_of(agent: AgentReads) -> dict[str, Rule]:
    """Return the rules in force or in shadow by id; none where this agent, or this person's role, does not tell them.

    Raises `Trouble` where the agent is busy or gone: a page without its rules would look like one of a house that has none.
    """
    try:
        policies = agent.policies()
    except (Refused, Unknown):
        return {}
    return {str(rule["id"]): Rule(rule, policy) for policy in policies for rule in policy["rules"]}
