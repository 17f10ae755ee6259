"""The settings of `plumbline.yaml`. The classes are the schema: a field is a key, its default is the default.

Durations are text such as "30s"; addresses are HOST:PORT, and port 0 picks a free one.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Audience = Literal["region", "channel", "audience", "tenant", "language"]
"""What `dimensions:` may say of a turn."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One block of settings; unknown keys are errors."""


class RedactionSettings(Section, frozen=True):
    """What is replaced before the first durable write."""

    enabled: bool = True  # replace personal data and secrets before the first durable write
    kinds: tuple[str, ...] = (  # what is looked for
        *("email", "card", "iban", "ssn", "phone", "ip", "mac", "wallet"),
        *("secret", "password"),
    )
    patterns: dict[str, str] = {}  # NAME -> regex of the Rust engine; becomes <NAME_xxxx>
    dictionaries: dict[str, str] = {}  # NAME -> file made by `plumbline terms`; becomes <NAME_xxxx>
    pseudonyms: Literal["none", "users", "users_and_sessions"] = "none"  # ids stored as keyed pseudonyms only


class CollectorSettings(Section, frozen=True):
    """The doors: OTLP over HTTP and gRPC."""

    otlp_http: str = "127.0.0.1:4318"  # where OTLP/HTTP comes in; HOST:PORT, port 0 picks a free one
    otlp_grpc: str = "127.0.0.1:4317"  # where OTLP/gRPC comes in; HOST:PORT, port 0 picks a free one
    max_body_mb: float = 32  # decompressed; larger bodies get 413, RESOURCE_EXHAUSTED over gRPC
    max_queue_mb: float = 96  # all bodies in flight, arriving or waiting for fdatasync; beyond it 503 or UNAVAILABLE
    max_field_kb: int = 256  # one text field; longer ones are cut and flagged
    dialects: str | None = None  # a file or folder of your own rules for attribute keys, in front of the shipped ones
    min_free_mb: int = 256  # below this much free disk the collector answers 503
    cors: tuple[
        str, ...
    ] = ()  # origins of web pages that may send from a browser, such as https://app.example; * is all
    redaction: RedactionSettings = RedactionSettings()
    fields: dict[str, dict[str, str]] = {}  # APP or * -> FIELD -> keep, drop, hash or "cap BYTES"; see privacy.md


class RetentionSettings(Section, frozen=True):
    """How long what is kept, by the time of what happened; an unset class is kept for ever. content <= spans <= rollups."""

    content: str | None = None  # texts: inputs, outputs, prompts, tool arguments, event bodies, comments, attributes
    spans: str | None = None  # spans, calls, turns, and what hangs on them: scores, grades, samples, exposures
    rollups: str | None = None  # sums, estimates, findings, and comparisons of experiments that have ended


class BackupSettings(Section, frozen=True):
    """Backups that are taken by themselves. One that fails three times, ten minutes apart, is an alert."""

    folder: str | None = None  # where they go, best on another disk; none: only `plumbline backup` takes them
    every: str = "24h"  # a backup is due this long after the one before
    keep: int = 7  # backups; older ones are removed


class AgentSettings(Section, frozen=True):
    """The owner of the store."""

    api: str = "127.0.0.1:4319"  # where the agent answers the CLI and the dashboard
    memory_limit: str = "2GB"  # of DuckDB
    threads: int = 2  # of DuckDB
    cycle_every: str = "30s"  # how often new turns are sampled, graded and watched
    settle: str = "2s"  # a trace is finished this long after its root and last span arrived
    settle_without_root: str = "60s"  # the same for a trace whose root never comes
    keep_spool: str = "72h"  # replay source should the store be damaged
    retention: RetentionSettings = RetentionSettings()
    backup: BackupSettings = BackupSettings()


class DashboardSettings(Section, frozen=True):
    """The Streamlit process."""

    address: str = "127.0.0.1:8501"  # where the dashboard is served
    title: str = "Plumbline"  # what the browser tab says
    public_url: str | None = None  # what people open where a proxy stands in front, such as https://plumbline.example


class OidcSettings(Section, frozen=True):
    """The provider that signs people in, by OpenID Connect; the redirect address is `dashboard.public_url`/sign-in/callback."""

    issuer: str | None = (
        None  # the address of the provider, as its tokens name it; without one nobody signs in this way
    )
    client_id: str = ""  # what the provider calls this Plumbline
    client_secret: str | None = None  # write ${env:NAME} or ${file:path}
    claim: str = "email"  # which claim of the token is the name under `plumbline people`
    allow_http: bool = False  # the provider may be reached by plain http
    allow_private: bool = False  # the provider may have a private address


class PeopleSettings(Section, frozen=True):
    """How people sign in to the dashboard. While nobody can, it is served to this machine alone, under its owner's name."""

    passwords: bool = False  # people sign in by a password, set by `plumbline people password NAME`
    oidc: OidcSettings = OidcSettings()
    session: str = "30d"  # a session ends after so long, whatever is done with it
    idle: str = "7d"  # a session ends when it was not used for so long

    @property
    def sign_in(self) -> bool:
        """Whether anybody can sign in."""
        return self.passwords or self.oidc.issuer is not None


class SamplingSettings(Section, frozen=True):
    """Which turns are graded. `rate` is the inclusion probability of a turn, per stratum where `strata` names one, of a rule where `rules` does."""

    seed: int = 20260101  # the same seed draws the same turns
    rate: float = 1.0  # probability that a turn is graded
    strata: dict[str, float] = {}  # app -> rate
    rules: dict[str, float] = {}  # rule, or app/rule -> rate of its own, instead of that of the app
    quota: int = (
        0  # turns a day that are graded of each app at least, as far as it has so many; raises the rate of small apps
    )
    changed: float = (
        0.0  # probability for turns of a model, prompt version or release that is new, beside the rate of their app
    )
    changed_for: str = "24h"  # how long it counts as new


class UnitSettings(Section, frozen=True):
    """When a whole trace, or a session, is taken to be complete, for rules that are about more than one answer."""

    trace_quiet: str = "60s"  # a trace is graded as a whole when nothing more of it has come for so long
    session_silence: str = "30m"  # a session has ended when nothing was said in it for so long


class BudgetSettings(Section, frozen=True):
    """At most `alarms` false alarms per `per` over everything that is watched."""

    alarms: float = 1.0  # at most so many false alarms ...
    per: str = "365d"  # ... in so long, over everything that is watched


class BaselineSettings(Section, frozen=True):
    """How much traffic is the reference: usable from `first` outputs on, doubled until it holds `outputs`."""

    first: int = 250  # outputs before a stream is watched at all
    outputs: int = 2000  # outputs of a full-grown reference


class DriftSettings(Section, frozen=True):
    """The change detector and its one dial, the false-alarm budget."""

    budget: BudgetSettings = BudgetSettings()
    baseline: BaselineSettings = BaselineSettings()
    timezone: str = (
        "UTC"  # whose days and weeks traffic follows, such as Europe/Berlin; none for traffic without a week
    )
    segments: tuple[str, ...] = ("prompt_name", "environment")  # columns of turns to split by, under each app
    max_streams: int = 300  # measures of whole apps at most; segments are added while there are no more streams than that in all, and stay
    rate_floor: float = 0.02  # changes of a rate below this are not worth a page
    rank_floor: float = 0.03  # the same for numeric metrics, as a share of rank
    ignore: tuple[str, ...] = ()  # metrics not to watch
    expires: str = "30d"  # a change that neither returned nor was accepted is the new normal after so long


class PhaseSettings(Section, frozen=True):
    """A stretch of an experiment in which its arms had these shares."""

    since: str  # the day it began, as YYYY-MM-DD
    split: dict[str, float]  # arm -> designed share of users


class ExperimentSettings(Section, frozen=True):
    """How arms are compared."""

    alpha: float = 0.05  # error an experiment may make, shared by its arms and metrics
    min_users: int = 30  # per arm, before the first look
    control: dict[str, str] = {}  # experiment -> its control arm; otherwise the first in alphabetical order
    split: dict[str, dict[str, float]] = {}  # experiment -> arm -> designed share of users; otherwise equal shares
    phases: dict[
        str, tuple[PhaseSettings, ...]
    ] = {}  # experiment -> stretches with other shares than `split`, such as ramps
    infer: Literal["none", "declared", "all"] = (
        "all"  # all: also what runs side by side; declared: only arms that a turn, its session or an exposure names; none: only those a turn names
    )
    ignore: tuple[str, ...] = ()  # experiments or metrics not to read


class EstimateSettings(Section, frozen=True):
    """Windows and confidence of the published rates."""

    window: str = "1d"  # length of the windows rates are published for, aligned to UTC
    confidence: float = 0.95  # of the intervals
    segments: tuple[str, ...] = ()  # columns of turns to publish rates for, besides the whole app


class MetricSettings(Section, frozen=True):
    """What a metric means for people: a rule, an error, a duration, a cost, or a score by its name."""

    better: Literal["higher", "lower", "neither"] | None = (
        None  # without it a score only differs, unless its name is known
    )
    bounds: tuple[float, float] | None = None  # least and greatest possible value; intervals stay inside
    role: Literal["primary", "guardrail", "other"] = "other"  # primary decides, guardrail may only forbid
    smallest: float | None = None  # the smallest effect that matters, in units of the metric


Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "never"]


class ReviewSettings(Section, frozen=True):
    """The weekly review. It opens by itself once somebody may review beside the owner of the data directory."""

    day: Day = "monday"  # when a review opens by itself; never: only `plumbline review open` does
    at: str = "09:00"  # at what time of that day, HH:MM
    timezone: str = "UTC"  # of the team, such as Europe/Berlin
    size: int = 300  # answers of one review; where there are no more, all of them
    window: str = "7d"  # the stretch of traffic that a review is about
    due: str = "7d"  # how long it is open; then it ends with what was judged
    apps: tuple[str, ...] = ()  # one review a week for each of these; empty: one for all together


class OutgoingSettings(Section, frozen=True):
    """How calls to receivers leave this machine; proxies of the environment are not used."""

    proxy: str | None = None  # the address of a proxy, such as http://proxy.local:3128
    ca: str | None = None  # a file of certificates to trust instead of those of the system


class JudgeBudget(Section, frozen=True):
    """What a judge may take in a day of UTC; reserved before a call leaves."""

    calls_per_day: int = 1000
    usd_per_day: float | None = None  # needs a price of the model; None: calls alone are counted
    rules: dict[str, int] = {}  # RULE-ID -> calls a day that it may take of those; others take what is left


class CanarySettings(Section, frozen=True):
    """Answers whose verdict is known, asked among the others to notice that a judge changed."""

    notice_within: str = "7d"  # how soon one that misses a tenth more violations is noticed; `never`: nothing is asked
    at_most: float = 0.2  # the part of its calls that this may take, however long it then lasts


class JudgeSettings(Section, frozen=True):
    """One judge: a model that is asked about one answer and one rule at a time, or a panel of others that count as one."""

    transport: Literal["openai", "anthropic", "systemone", "recorded"] = "openai"
    url: str = ""  # the address before `/chat/completions`, `/v1/messages` or `/v1/systemone`; empty: that of the maker
    model: str = ""
    file: str | None = None  # of transport `recorded`: verdicts as JSON lines
    panel: tuple[str, ...] = ()  # names of judges that are all asked and are one grader together
    key: str | None = None  # write ${env:NAME} or ${file:path}
    budget: JudgeBudget = JudgeBudget()
    canary: CanarySettings = CanarySettings()
    concurrency: int = 4
    timeout: str = "20s"
    allow_private: bool = False  # it may have a private address, and be spoken to by plain http there


class JudgeTexts(Section, frozen=True):
    """Whose texts may leave this machine to be judged."""

    apps: tuple[str, ...] = ()  # applications whose texts judges may be sent; empty: none leaves


class Settings(Section, frozen=True):
    """All of `plumbline.yaml`."""

    data_dir: str = "plumbline-data"  # where everything is kept
    policies: str | None = None  # a folder of policy files; None takes the starter policy that ships with Plumbline
    alerts: str | None = None  # a file of alert rules; None takes the starter rules
    outgoing: OutgoingSettings = OutgoingSettings()
    collector: CollectorSettings = CollectorSettings()
    agent: AgentSettings = AgentSettings()
    dashboard: DashboardSettings = DashboardSettings()
    people: PeopleSettings = PeopleSettings()
    dimensions: dict[str, Audience] = {}  # attribute or metadata KEY -> region, channel, audience, tenant or language
    sampling: SamplingSettings = SamplingSettings()
    units: UnitSettings = UnitSettings()
    judges: dict[str, JudgeSettings] = {}  # NAME -> transport, url, model, key, budget ...; see judges.md
    judge_texts: JudgeTexts = JudgeTexts()
    estimates: EstimateSettings = EstimateSettings()
    review: ReviewSettings = ReviewSettings()
    drift: DriftSettings = DriftSettings()
    experiments: ExperimentSettings = ExperimentSettings()
    metrics: dict[str, MetricSettings] = {}  # metric -> better, bounds, role, smallest; how experiments are decided
    prices: dict[str, Price] = {}  # model name -> price; yours come before the list
    list_prices: bool = True  # other models cost what the dated list of their makers' prices says that ships


class Price(Section, frozen=True):
    """US dollars per million tokens, as your contract says; models without one follow the list that ships, if that is on."""

    input: float
    output: float
    cached_input: float | None = None  # None: as other input
    cache_write: float | None = None  # None: as other input
