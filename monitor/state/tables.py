"""The tables of the control state, named once. Times are UTC; NULL means unknown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Column, DateTime, Dialect, Float, Index, Integer, MetaData, Table, Text, UniqueConstraint
from sqlalchemy.types import TypeDecorator

from monitor.clock import naive_utc


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant in Python, plain UTC text in SQLite, so that text order is time order."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, PLR6301, RUF100 - the signature is SQLAlchemy's
        return None if value is None else naive_utc(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002, PLR6301, RUF100 - as above
        return None if value is None else value.replace(tzinfo=UTC)


METADATA: Final = MetaData()

ALERTS: Final = Table(
    "alerts",
    METADATA,
    Column("fingerprint", Text, primary_key=True),
    Column("episode", Integer, primary_key=True),  # 1, 2, ... per fingerprint; only the last can be open
    Column("rule_id", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("state", Text, nullable=False),  # pending | firing | resolved
    Column("started_at", Instant, nullable=False),  # pending since, then firing since
    Column("ended_at", Instant),
    Column("labels", Text, nullable=False),  # JSON object
    Column("reason", Text, nullable=False),
    Column("memory", Text, nullable=False),  # JSON: what the next evaluation needs to know
    # Two open episodes of one alert cannot be stored, whatever a caller does.
    Index("alerts_open", "fingerprint", unique=True, sqlite_where=Column("ended_at").is_(None)),
)

ALERT_EVENTS: Final = Table(
    "alert_events",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("fingerprint", Text, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("numbers", Text, nullable=False),  # JSON: what was measured and what it was held against
    Index("alert_events_of", "fingerprint", "id"),
)
"""The reason trail. Rows are only ever added."""

OUTBOX: Final = Table(
    "outbox",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", Text, nullable=False, unique=True),  # fingerprint:receiver:episode:kind:n
    Column("fingerprint", Text, nullable=False),
    Column("receiver", Text, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("state", Text, nullable=False),  # pending | inflight | sent | superseded | dead
    Column("attempts", Integer, nullable=False),
    Column("shortened", Integer, nullable=False),  # 1 once a receiver refused the full body
    Column("created_at", Instant, nullable=False),
    Column("due_at", Instant, nullable=False),  # when it was first meant to leave
    Column("next_at", Instant, nullable=False),
    Column("lease_until", Instant),
    Column("sent_at", Instant),
    Column("outcome", Text),  # what the receiver last said
    Column("handle", Text),  # what the receiver calls it, where later messages go below it
    Index("outbox_of", "fingerprint", "episode"),
    Index("outbox_open", "fingerprint", "receiver", "id", sqlite_where=Column("state").in_(("pending", "inflight"))),
)

ACKS: Final = Table(
    "acks",
    METADATA,
    Column("fingerprint", Text, primary_key=True),
    Column("episode", Integer, primary_key=True),
    Column("person", Text, nullable=False),
    Column("at", Instant, nullable=False),
)
"""Who has taken up an alert; gone once it gets worse."""

SILENCES: Final = Table(
    "silences",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("fingerprint", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("until", Instant),  # NULL: until the alert is good again
    Column("ended_at", Instant),  # before its time: by a person, or because the alert is good again
    Column("ended_by", Text),
    Column("order_id", Integer),  # of the silence over several alerts that this one follows from
    Index("silences_of", "fingerprint"),
)

SILENCE_ORDERS: Final = Table(
    "silence_orders",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("labels", Text, nullable=False),  # JSON object: what an alert has to fit
    Column("person", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("began_at", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("ended_at", Instant),  # before its time, by a person
    Column("ended_by", Text),
)
"""Silences over several alerts: whatever fits is silenced once it fires."""

ASSIGNMENTS: Final = Table(
    "assignments",
    METADATA,
    Column("fingerprint", Text, primary_key=True),
    Column("episode", Integer, primary_key=True),
    Column("person", Text, nullable=False),  # who is to look after it
    Column("at", Instant, nullable=False),
    Column("by", Text, nullable=False),
)

PEOPLE: Final = Table(
    "people",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("password", Text),  # argon2; NULL: no sign-in by password
    Column("apps", Text),  # JSON array of the applications whose texts are seen; NULL: of all
    Column("added_at", Instant, nullable=False),
    Column("revoked_at", Instant),
)

CREDENTIALS: Final = Table(
    "credentials",
    METADATA,
    Column("digest", Text, primary_key=True),  # SHA-256 of 256 random bits; what was handed out is kept nowhere
    Column("kind", Text, nullable=False),  # token | key | session
    Column("name", Text, nullable=False),  # whose it is
    Column("scopes", Text),  # JSON array: less than the role of the holder may do; NULL: all of it
    Column("made_at", Instant, nullable=False),
    Column("seen_at", Instant),  # of a session: when it was last used, to the minute
    Column("expires_at", Instant),
    Column("ended_at", Instant),
    Index("credentials_of", "name"),
)
"""Everything by which somebody is known at the api: the token of the owner, keys, and sessions of the dashboard."""

SIGN_IN_TRIES: Final = Table(
    "sign_in_tries",
    METADATA,
    Column("who", Text, primary_key=True),  # keyed digest of the name that was given, known or not
    Column("failures", Integer, nullable=False),
    Column("last_at", Instant, nullable=False),
)

SIGN_INS_BEGUN: Final = Table(
    "sign_ins_begun",
    METADATA,
    Column("state", Text, primary_key=True),  # SHA-256 of what the provider hands back
    Column("nonce", Text, nullable=False),
    Column("verifier", Text, nullable=False),  # of PKCE (RFC 7636)
    Column("begun_at", Instant, nullable=False),
)
"""Sign-ins that are at the provider now; each is taken up once."""

NOTES: Final = Table(
    "notes",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),  # finding | trace
    Column("subject", Text, nullable=False),
    Column("apps", Text, nullable=False),  # JSON array: whose the subject is
    Column("author", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index("notes_on", "subject"),
)

JUDGE_SPEND: Final = Table(
    "judge_spend",
    METADATA,
    Column("judge", Text, primary_key=True),
    Column("day", Text, primary_key=True),  # of UTC, YYYY-MM-DD
    Column("calls", Integer, nullable=False),  # that may have left: a call is counted before it leaves
    Column("open", Integer, nullable=False),  # of those, calls of which nobody knows yet, or ever will, what they took
    Column("tokens", Integer, nullable=False),
    Column("usd", Float, nullable=False),  # reserved for open calls, told or reckoned for others
)
"""What judges have taken of their budgets: a row a judge and day."""

HOLDS: Final = Table(
    "holds",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),  # user | session | trace | app
    Column("forms", Text),  # JSON array: every way in which what is held may be written down; NULL once released
    Column("owner", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("until", Instant, nullable=False),  # when somebody must look again; it holds until it is released
    Column("made_by", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("released_by", Text),
    Column("released_at", Instant),
)

COMMANDS: Final = Table(
    "commands",
    METADATA,
    Column("key", Text, primary_key=True),  # chosen by whoever sends it, so that sending twice does it once
    Column("asked", Text, nullable=False),  # digest of who asked for what
    Column("answer", Text, nullable=False),  # JSON
    Column("at", Instant, nullable=False),
)

AUDIT: Final = Table(
    "audit",
    METADATA,
    Column("seq", Integer, primary_key=True),  # 1, 2, ... without a gap
    Column("at", Text, nullable=False),  # ISO 8601: what was hashed, to the letter
    Column("actor", Text, nullable=False),
    Column("on_behalf_of", Text),  # for whom an admin acted
    Column("act", Text, nullable=False),
    Column("told", Text, nullable=False),  # digest of the payload under its own nonce
    Column("hash", Text, nullable=False),
)
"""The chain. Rows are only ever added."""

AUDIT_PAYLOADS: Final = Table(
    "audit_payloads",
    METADATA,
    Column("seq", Integer, primary_key=True),
    Column("nonce", Text, nullable=False),
    Column("payload", Text, nullable=False),  # JSON object: object, reason, before, after
)
"""What was acted on, apart from the chain: an erasure removes it, and with the nonce every way to test a guess."""

AUDIT_HEAD: Final = Table(
    "audit_head",
    METADATA,
    Column("id", Integer, primary_key=True),  # always 1
    Column("seq", Integer, nullable=False),
    Column("seal", Text, nullable=False),  # keyed digest of number and hash of the last row: a cut tail is found
)

LABELS: Final = Table(
    "labels",
    METADATA,
    Column("seq", Integer, primary_key=True),  # microseconds since 1970, or the last one and one more: never used twice
    Column("person", Text, nullable=False),
    Column("key", Text, nullable=False),  # what makes a repeat one: given, or made up
    Column("unit_id", Text, nullable=False),
    Column("time", Instant, nullable=False),  # of the turn
    Column("rule_id", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("adjudicated", Integer, nullable=False),  # 1: decides where people disagree
    Column("at", Instant, nullable=False),
    Column("note", Text),
    Column("corrected", Text),  # what the answer should have been
    Column("plan", Text),  # the sampling plan that picked the unit; NULL: somebody chose it
    Column("inclusion_probability", Float),
    Column("review_id", Text),
    Column("policy", Text, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("policy_hash", Text, nullable=False),
    UniqueConstraint("person", "key"),
    Index("labels_of", "unit_id", "rule_id"),
    Index("labels_in", "review_id"),
    Index("labels_said", "review_id", "unit_id"),
)
"""What people said of turns. Rows are added until the turn is erased or too old to be kept; one that is taken back makes room for
a row that says so, with the verdict `withdrawn`."""

POLICY_VERSIONS: Final = Table(
    "policy_versions",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("policy", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("file", Text, nullable=False),  # name within the folder of policies
    Column("text", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("approved_by", Text, nullable=False),  # "" where the file names no approver
    Column("act", Text, nullable=False),  # found | activated | rolled back
    Index("policy_versions_of", "policy", "seq"),
)
