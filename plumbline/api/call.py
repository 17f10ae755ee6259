"""What travels with every question: who asks, and whom to tell how far the answer is."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, get_args

from monitor.errors import Forbidden
from plumbline.api.question import Scope

Progress = Callable[[float, str], None]
"""Called with the share done (0 to 1) and a word on what is going on; may raise to stop the work."""

BY: Final = "x-plumbline-by"
"""The header that names the person for whom an admin acts, percent-encoded."""

KEY: Final = "idempotency-key"
"""The header of a command that makes it be done once, however often it is sent."""

EVERYTHING: Final[frozenset[Scope]] = frozenset(get_args(Scope))


@dataclass(frozen=True)
class Actor:
    """A person or a program, and what it may do.

    `apps` are the applications whose texts it sees, None is all. `by` is the admin who acts for this person. `credential`
    is the digest of what was shown, which may be a `session` of the dashboard.
    """

    name: str
    scopes: frozenset[Scope] = EVERYTHING
    apps: frozenset[str] | None = None
    by: str | None = None
    role: str = "owner"
    session: bool = False
    credential: str = field(default="", compare=False, repr=False)

    def demand(self, scope: Scope) -> None:
        """Raise `Forbidden` where this actor has not `scope`."""
        if scope not in self.scopes:
            raise Forbidden(f"{self.name} may not do this: it needs the scope {scope} (an admin gives roles)")


Credentials = Callable[[str, str], Actor | None]
"""Who holds a credential, None for one that nobody holds (any more), acting for the person that is named second, "" for nobody.

Raises `Forbidden` for who may not act for others, `UsageError` for a person that is not known.
"""


def silent(_share: float, _note: str) -> None:
    """Take a report of progress and tell nobody."""


@dataclass(frozen=True)
class Call:
    """One asking of a question; `key` is what makes a command that is sent twice be done once."""

    actor: Actor
    progress: Progress = silent
    key: str = ""


def token_owner() -> Actor:
    """Return the actor behind the token of a data directory: whoever may read that file may do everything."""
    try:
        return Actor(getpass.getuser())
    except (OSError, KeyError):  # a user id without a name, as in a container
        return Actor(f"uid {os.getuid()}")
