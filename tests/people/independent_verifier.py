"""A verifier of the audit that shares no line with the product: `python independent_verifier.py DATA_DIR`.

It opens the control state read-only and follows the chain by what the documentation says of it: each hash is an HMAC-SHA-256,
under the key of the installation, of the parts of a row joined by NUL; what was acted on enters by an HMAC under its own nonce; the
head is sealed. Standard library only. Exit code 1 and a line for each fault, 0 where the chain holds.
"""

from __future__ import annotations

import hashlib
import hmac
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

ROWS = "SELECT seq, at, actor, on_behalf_of, act, told, hash FROM audit ORDER BY seq"


def mac(key: bytes, *parts: str) -> str:
    """Return the keyed digest of some parts."""
    return hmac.new(key, "\0".join(parts).encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def faults(data_dir: Path) -> list[str]:
    """Return a line for each fault of the chain in a data directory; none where it holds."""
    key = (data_dir / "redaction.key").read_bytes()
    with closing(sqlite3.connect(f"file:{data_dir / 'plumbline.sqlite'}?mode=ro", uri=True)) as state:
        state.execute("BEGIN")  # one look, whoever writes meanwhile
        rows = state.execute(ROWS).fetchall()
        payloads = {seq: (nonce, text) for seq, nonce, text in state.execute("SELECT * FROM audit_payloads")}
        head = state.execute("SELECT seq, seal FROM audit_head").fetchone()
    return [*_of_rows(key, rows), *_of_payloads(rows, payloads), *_of_head(key, rows, head)]


def _of_rows(key: bytes, rows: list[tuple[object, ...]]) -> list[str]:
    found, before = [], ""
    for number, (seq, at, actor, whom, act, told, claimed) in enumerate(rows, 1):
        if seq != number:
            found.append(f"row {seq} stands where row {number} should")
        parts = [before, str(seq), str(at), str(actor), str(act), str(told)]
        if whom is not None:
            parts.append(str(whom))
        if not hmac.compare_digest(mac(key, "audit", *parts), str(claimed)):
            found.append(f"row {seq} does not follow from the one before it")
        before = str(claimed)
    return found


def _of_payloads(rows: list[tuple[object, ...]], payloads: dict[int, tuple[str, str]]) -> list[str]:
    told = {row[0]: str(row[5]) for row in rows}
    found = [f"what row {seq} acted on is there, the row is not" for seq in payloads if seq not in told]
    for seq, (nonce, text) in payloads.items():
        if seq in told and mac(nonce.encode(), text) != told[seq]:
            found.append(f"what row {seq} acted on was changed")
    return found


def _of_head(key: bytes, rows: list[tuple[object, ...]], head: tuple[int, str] | None) -> list[str]:
    if not rows and head is None:
        return []
    if head is None:
        return ["there are rows and no seal"]
    last, claimed = (rows[-1][0], rows[-1][6]) if rows else (0, "")
    sealed = mac(key, "audit head", str(last), str(claimed))
    return (
        []
        if hmac.compare_digest(sealed, head[1])
        else [f"row {head[0]} was sealed as the last, row {last} is the last"]
    )


if __name__ == "__main__":
    lines = faults(Path(sys.argv[1]))
    print("\n".join(lines) or "the chain holds")
    sys.exit(1 if lines else 0)
