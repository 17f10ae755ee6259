"""What is known about one source over a window: counts and times as values, nothing judged yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

DEMO: Final = "demo"


@dataclass(frozen=True)
class Voice:
    """The model calls of one source that one instrumentation told of, and how many of them carry what.

    Texts are counted over chats only. What a failed call cannot have (an answer, tokens, a response id) is counted over
    calls that did not fail.
    """

    dialect: str | None = None
    scope: str | None = None
    versions: tuple[str, ...] = ()
    sdks: tuple[str, ...] = ()  # language and version of the OpenTelemetry SDK, "python 1.40.0"
    models: tuple[str, ...] = ()
    last_seen: datetime | None = None
    n_calls: int = 0
    n_failed: int = 0
    n_chats: int = 0
    n_answered: int = 0  # chats that did not fail
    n_inputs: int = 0
    n_outputs: int = 0
    n_tokens: int = 0
    n_response_ids: int = 0
    n_costs: int = 0
    n_standing: int | None = None  # calls they stand for, where the sender samples and says so
    n_list_costs: int = 0  # reckoned by the list prices that ship
    n_sessions: int = 0
    n_users: int = 0
    n_arms: int = 0
    n_estimated: int = 0
    n_streams: int = 0
    n_blind_streams: int = 0  # streams without token counts
    n_ruled_inputs: int = 0  # chats whose input a rule of `collector.fields` dropped
    n_ruled_outputs: int = 0
    n_ruled_users: int = 0
    n_ruled_sessions: int = 0

    @property
    def name(self) -> str:
        """What to call the instrumentation."""
        return self.scope or self.dialect or "an unknown instrumentation"

    @property
    def n_inputs_sent(self) -> int:
        """Chats whose input was sent, whether or not it was kept here."""
        return self.n_inputs + self.n_ruled_inputs

    @property
    def n_outputs_sent(self) -> int:
        """Chats whose output was sent, whether or not it was kept here."""
        return self.n_outputs + self.n_ruled_outputs

    @property
    def n_users_sent(self) -> int:
        """Calls sent with a user, whether or not that was kept here."""
        return self.n_users + self.n_ruled_users

    @property
    def n_sessions_sent(self) -> int:
        """Calls sent with a session, whether or not that was kept here."""
        return self.n_sessions + self.n_ruled_sessions

    @property
    def n_fine(self) -> int:
        """Calls that did not fail."""
        return self.n_calls - self.n_failed

    @property
    def language(self) -> str:
        """The language of the newest SDK, lower case; empty when it is not known."""
        return self.sdks[-1].partition(" ")[0].lower() if self.sdks else ""


@dataclass(frozen=True)
class Ledger:
    """What became of everything a source sent."""

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    refused: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether everything that was received is accounted for."""
        return self.received == self.stored + self.duplicate + self.refused


@dataclass(frozen=True)
class Stranger:
    """Spans or log records of one name that nobody understood, and their keys with the kind of their values."""

    scope: str
    signal: str
    name: str
    n: int
    keys: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Metered:
    """Model calls the client's own metrics counted, and call spans of the same time that arrived."""

    metric: str
    n_metered: int
    n_sent: int


@dataclass(frozen=True)
class Habit:
    """When a source usually sends: hours with traffic in the last four weeks, and the longest usual pause, in seconds."""

    n_hours: int
    last_hour: datetime
    usual_gap_s: float | None = None


@dataclass(frozen=True)
class Facts:
    """One source. `app` is None for spans without a service name; lags are seconds from the end of a span to its receipt."""

    app: str | None = None
    environments: tuple[str, ...] = ()
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    n_spans: int = 0
    n_genai: int = 0
    n_traces: int = 0
    n_orphans: int = 0
    orphan: str | None = None
    lag_low_s: float | None = None
    lag_median_s: float | None = None
    lag_high_s: float | None = None
    lag_worst_s: float | None = None
    n_future: int = 0
    n_timeless: int = 0
    n_cut: int = 0
    n_unredacted: int = 0
    n_repeats: int = 0
    n_puzzling: int = 0  # spans with a GenAI-looking key that no rule understood
    n_events: int = 0
    n_loose: int = 0  # events whose trace never came
    n_scores: int = 0
    n_lost: int = 0  # scores that found nothing to be about
    voices: tuple[Voice, ...] = ()
    ledger: Ledger | None = None
    refusals: dict[str, int] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    strangers: tuple[Stranger, ...] = ()
    metered: Metered | None = None
    habit: Habit | None = None

    @property
    def n_calls(self) -> int:
        """Model calls, each counted once."""
        return sum(voice.n_calls for voice in self.voices)

    @property
    def n_received(self) -> int:
        """What was received, as far as the ledger knows."""
        return self.ledger.received if self.ledger else 0

    @property
    def is_demo(self) -> bool:
        """Whether all of it is traffic of the demo."""
        return set(self.environments) == {DEMO}

    @property
    def watched_s(self) -> float:
        """Seconds from the first to the last receipt."""
        return (self.last_seen - self.first_seen).total_seconds() if self.last_seen and self.first_seen else 0.0
