"""Redaction: what must not be stored is replaced before the first durable write.

Column by column, Rust looks for texts that could hold something (`monitor.patterns.hint`), and only those go through the
exact patterns. A placeholder such as `<EMAIL_3fa2>` names the kind and carries a keyed hash of trace and value: the same value
looks the same within a trace, whatever body or process it came through, and says nothing without the key. Redaction fails
closed: a field that cannot be redacted is dropped and counted.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from monitor.errors import StoreError
from monitor.patterns import find_personal, hint

TRACED: Final = {
    "spans": ("name", "error_message", "attrs", "tool_name", "unknown_keys"),
    "content": ("system_text", "input_messages", "output_messages", "input_value", "output_value"),
    "events": ("body",),
    "scores": ("name", "comment", "label", "metadata"),
}
"""Columns with text; placeholders in them are stable within the trace."""

IDENTITIES: Final = {
    "spans": ("user_id", "session_id", "message_id"),
    "events": ("user_id", "session_id"),
    "scores": ("session_id", "message_id"),
    "exposures": ("user_id",),
}
"""Columns that name somebody: placeholders in them are the same in every trace, so that one user stays one user."""


@dataclass
class Redactor:
    """Replaces personal data and secrets of `kinds` in whole frames. `failed` counts fields that had to be dropped."""

    key: bytes
    kinds: tuple[str, ...]
    failed: int = field(default=0)

    def frame(self, table: str, rows: pl.DataFrame) -> pl.DataFrame:
        """Return `rows` of `table` with every text column redacted."""
        traced = [self._column(rows, name, rows["trace_id"]) for name in TRACED.get(table, ())]
        identities = [self._column(rows, name, None) for name in IDENTITIES.get(table, ())]
        return rows.with_columns(column for column in [*traced, *identities] if column is not None)

    def _column(self, rows: pl.DataFrame, name: str, traces: pl.Series | None) -> pl.Series | None:
        likely = rows[name].str.contains(hint(self.kinds)).fill_null(value=False).arg_true()
        if likely.is_empty():
            return None
        texts = rows[name][likely].to_list()
        scopes: Sequence[str | None] = [""] * len(texts) if traces is None else traces[likely].to_list()
        values = [self._safely(text, scope or "") for text, scope in zip(texts, scopes, strict=True)]
        return rows[name].scatter(likely, pl.Series(values, dtype=pl.String))

    def _safely(self, text: str, scope: str) -> str | None:
        try:
            return self.text(text, scope)
        except Exception:  # noqa: BLE001 - whatever went wrong, the raw text must not be stored
            self.failed += 1
            return None

    def text(self, text: str, scope: str) -> str:
        """Return `text` with placeholders; `scope` is the trace id, or "" for a placeholder that is stable everywhere."""
        pieces, at = [], 0
        for start, end, kind in find_personal(text, self.kinds):
            begin = _after_escape(text, start)
            pieces += [text[at:begin], f"<{kind.upper()}_{self._digits(scope, kind, text[begin:end])}>"]
            at = end
        return "".join([*pieces, text[at:]])

    def _digits(self, scope: str, kind: str, value: str) -> str:
        told = f"{scope}\x00{kind}\x00{value}".encode("utf-8", "surrogatepass")
        digest = hmac.new(self.key, told, hashlib.sha256).hexdigest()
        return digest[:4] if scope else digest[:8]


def _after_escape(text: str, start: int) -> int:
    r"""JSON text may end an escape right where a match begins (`\nkim@...`): keep the escape whole."""
    slashes = 0
    while start > slashes and text[start - slashes - 1] == "\\":
        slashes += 1
    if slashes % 2 == 0:
        return start
    return start + (5 if text[start] == "u" else 1)


def install_key(data_dir: Path) -> bytes:
    """Return the key of this installation, made on first use and readable by its owner only. Raises `StoreError`."""
    path = data_dir / "redaction.key"
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = data_dir / f".redaction.{os.getpid()}.{secrets.token_hex(4)}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(32))
            os.fsync(handle)
        try:
            os.link(draft, path)  # atomic: of two processes that start together, the first wins and both read its key
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        return path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror} (the data directory must be writable)") from None
