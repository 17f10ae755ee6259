"""How grave an incident is: harm x reach x reversibility, 1 to 3 each, and the product in words."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from monitor.model.values import Severity

Weight = Annotated[int, msgspec.Meta(ge=1, le=3)]
MANY, SOME = 50, 5
"""Users from which reach is wide, and from which it is more than single cases."""

LEVELS: Final = ((18, Severity.CRITICAL), (8, Severity.ERROR), (4, Severity.WARNING))
LASTING: Final = frozenset({"leak", "agent"})
"""Playbooks of what cannot be taken back: data that left, acts that were done."""


class Weighed(msgspec.Struct, frozen=True):
    """Harm (1 annoying, 2 costly, 3 people or the law), reach (1 single cases, 2 some, 3 many), reversibility (1 undone at once, 3 not)."""

    harm: Weight
    reach: Weight
    reversibility: Weight

    @property
    def severity(self) -> Severity:
        """The product in words.

        >>> str(Weighed(3, 3, 2).severity), str(Weighed(1, 1, 1).severity)
        ('critical', 'info')
        """
        product = self.harm * self.reach * self.reversibility
        return next((severity for least, severity in LEVELS if product >= least), Severity.INFO)


def weigh(alert: Severity, users: int | None, playbook: str) -> Weighed:
    """Return the weights to begin with: what is known of the alert; people correct them."""
    harm = {Severity.CRITICAL: 3, Severity.ERROR: 2}.get(alert, 1)
    reach = 3 if (users or 0) >= MANY else 2 if (users or 0) >= SOME else 1
    return Weighed(harm, reach, 3 if playbook in LASTING else 2 if harm > 1 else 1)
