from datetime import UTC, datetime
from pathlib import Path

NOW = datetime(2026, 11, 24, tzinfo=UTC)

GOOD = """apiVersion: policy/v1
policy:
  id: shop
  version: 1.0.0
  status: active
scope: {apps: [shop]}
rules:
  - id: R-1
    title: One
    kind: must_not
    statement: Say no bad word.
    rationale: It is bad.
    examples:
      - {id: e1, label: violates, out: bad word}
      - {id: e2, label: complies, out: good word}
    graders:
      - {use: banned, phrases: [bad word]}
  - id: R-2
    title: Two
    kind: must
    statement: Be brief.
    rationale: People read on phones.
    examples:
      - {id: e1, label: complies, out: short}
    graders:
      - {use: length, max_chars: 40}
"""


def write(folder: Path, text: str, name: str = "shop.yaml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder
