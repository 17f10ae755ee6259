"""What leaves the process: copies without keys, cards and e-mail addresses, and with no text longer than agreed.

A placeholder such as `<EMAIL_3fa2>` is the same wherever the same value stands in a trace, and says nothing without the key,
which lives as long as the process. Attributes that name a user or session are left to the collector, whose key lives longer.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, Status

Hook = Callable[[str, str], str | None]  # (attribute name, text) -> the text to send; None leaves the attribute out

IDENTITIES: Final = {"user.id", "enduser.id", "session.id", "gen_ai.conversation.id", "feature_flag.context.id"}
MARK: Final = " [cut]"
MARGIN: Final = 9_000  # more than any pattern spans: where the text is cut, half of a secret cannot show
_EDGE: Final = r"(?:(?<![A-Za-z0-9_])|(?<=\\[bfnrt])|(?<=\\u00[0-7][0-9A-Fa-f]))"  # JSON in text: `\n` may stand before
_ESCAPED: Final = r"\\u[0-9a-f]{4}"
_KEYS: Final = (
    r"sk-[\w-]{20,200}|[srp]k_(?:live|test)_\w{16,250}|A[KS]IA[0-9A-Z]{16}|gh[pousr]_\w{36,255}|github_pat_\w{40,255}"
    r"|xox[abprs]-[\w-]{10,250}|AIza[\w-]{35}|glpat-[\w-]{20,60}|hf_\w{30,60}|npm_\w{36}"
    r"|eyJ[\w-]{10,2000}\.[\w-]{10,2000}\.[\w-]{10,2000}|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\w+/=\\\s]{0,8000}"
)
_LOOKS: Final = {
    "SECRET": re.compile(f"{_EDGE}(?:{_KEYS})"),
    "EMAIL": re.compile(  # the look ahead is cheap, and spares a text without addresses the rest
        rf"(?<![^\W_])(?=[^@\s]{{1,128}}@)[^\W_](?:[\w.%+'-]|{_ESCAPED}){{0,127}}"
        rf"@(?:[^\W_](?:[\w-]|{_ESCAPED}){{0,62}}\.){{1,6}}[A-Za-z]{{2,24}}"
    ),
    "CARD": re.compile(_EDGE + r"(?<![.+])(?:[2-6]\d{3}(?:[ -]?\d{4}){3}|3[47]\d{2}[ -]?\d{6}[ -]?\d{5})(?!\d)"),
}
_KEY: Final = secrets.token_bytes(32)


@dataclass(frozen=True)
class Cleaner:
    """Makes the copies. `redact` sees every text before the built-in patterns do; what it fails on is left out."""

    max_chars: int
    redact: Hook | None = None

    def span(self, span: ReadableSpan) -> ReadableSpan:
        """Return a copy of `span` that may leave the process."""
        scope = f"{span.context.trace_id:x}" if span.context else ""
        told = self.value("status.description", span.status.description, scope)
        return ReadableSpan(
            name=self.value("name", span.name, scope) or "",
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes=self.value("", span.attributes or {}, scope),
            events=[Event(one.name, self.value("", one.attributes or {}, scope), one.timestamp) for one in span.events],
            links=[Link(one.context, self.value("", one.attributes or {}, scope)) for one in span.links],
            kind=span.kind,
            status=Status(span.status.status_code, told) if told else Status(span.status.status_code),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )

    def record(self, record: ReadableLogRecord) -> ReadableLogRecord:
        """Return `record`, which nobody else holds, with attributes that may leave the process."""
        inner = record.log_record
        inner.attributes = self.value("", inner.attributes or {}, f"{inner.trace_id or 0:x}")
        return record

    def value(self, key: str, value: Any, scope: str) -> Any:
        """Return `value` with every text in it cleaned, at every depth; what may not be sent is left out."""
        if isinstance(value, str):
            return self._text(key, value, scope)
        if isinstance(value, Mapping):
            clean = {name: self.value(f"{key}.{name}" if key else name, item, scope) for name, item in value.items()}
            return {name: item for name, item in clean.items() if item is not None}
        if isinstance(value, (list, tuple)):
            return [item for item in (self.value(key, item, scope) for item in value) if item is not None]
        return value

    def _text(self, key: str, text: str, scope: str) -> str | None:
        try:
            text = (self.redact(key, text) if self.redact else text)[: self.max_chars + MARGIN]  # type: ignore[index]
            text = (
                text if text.isascii() else text.encode("utf-8", "replace").decode()
            )  # half a surrogate costs a batch
            for kind, look in () if key in IDENTITIES else _LOOKS.items():
                text = look.sub(lambda found, kind=kind: _placeholder(found, kind, scope), text)  # type: ignore[misc]
        except Exception:  # noqa: BLE001 - also None from the hook: what cannot be cleaned is not sent
            return None
        return text if len(text) <= self.max_chars else text[: max(0, self.max_chars - len(MARK))] + MARK


def _placeholder(found: re.Match[str], kind: str, scope: str) -> str:
    value, before = found[0], found.string[max(0, found.start() - 9) : found.start()]
    if kind == "CARD" and not _luhn([int(char) for char in value if char.isdigit()]):
        return value
    escaped = (len(before) - len(before.rstrip("\\"))) % 2  # an escape of JSON ends here: keep it whole
    kept = value[: (5 if value[0] == "u" else 1) * escaped]
    return f"{kept}<{kind}_{hmac.digest(_KEY, (scope + value[len(kept) :]).encode(), 'sha256').hex()[:4]}>"


def _luhn(digits: list[int]) -> bool:
    return (sum(digits[-1::-2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])) % 10 == 0
