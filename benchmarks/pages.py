"""Milliseconds per named read of the dashboard over a million spans, against the bar of 300 ms, 500 for a search in texts.

Run: python -m benchmarks.pages [n_turns]. The store is made once and kept (`benchmarks.stores`); the second figure is
processor time, which tells less of the neighbours on a shared machine.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC
from functools import partial
from pathlib import Path

from benchmarks.stores import kept_store
from monitor.certifying import CardFile
from monitor.clock import FakeClock
from monitor.config.schema import JudgeSettings, Settings
from monitor.diagnosis.gather import sources
from monitor.policy.load import load_policies
from monitor.rolling import rolling_rates
from monitor.store.pages import PAGES
from monitor.store.precedence import JUDGE
from monitor.store.verdicts import add_labels
from tests.support.generated_store import GeneratedStore

BAR_MS = 300
SEARCH_MS = 500
TRACE = f"{20_000:032x}"
SUPPORT = {"app": "support-assistant"}
WEEK = {"start": "2026-11-17T00:00:00Z", "end": "2026-11-24T00:00:00Z"}
ASKED: dict[str, list[dict[str, str]]] = {
    "traces": [
        {},
        {"after": f"inf -1763424000000000 {TRACE}"},
        {"sort": "duration_ms"},
        {"rule": "refusal", "verdict": "violates"},
        {"text": "order 4711"},
        {"text": "no such words anywhere"},
        {"user": "user-77", "errors": "true"},
    ],
    "neighbours": [{"trace_id": TRACE}, {"trace_id": TRACE, "rule": "refusal"}],
    "turns_by_id": [{"ids": ",".join(f"{i:032x}" for i in range(20_000, 20_005))}],
    "turns_before": [SUPPORT | {"before": "2026-11-20", "limit": "5"}],
    "traffic": [{}, {"bucket_s": "60"}],
    "rule_metric": [{"rule": "refusal"} | SUPPORT],
    "turn_metric": [{"metric": "output_chars"} | SUPPORT],
    "score_metric": [{"name": "thumbs"}],
    "source_voices": [{}, WEEK],
    "source_spans": [{}, WEEK],
    "source_orphans": [{}, WEEK],
    "source_meters": [{}, WEEK],
    "finding": [{"id": "f1refusal0000001"}],
} | {name: [{"trace_id": TRACE}] for name in PAGES if name.startswith("trace") and name not in {"traces", "traffic"}}


def measured(work: Callable[[], object], rounds: int = 3) -> tuple[float, float]:
    """Return wall and processor milliseconds of `work`: the medians of `rounds` runs."""
    walls, cpus = [], []
    for _ in range(rounds):
        began, before = time.perf_counter(), time.process_time()
        work()
        walls.append(1000 * (time.perf_counter() - began))
        cpus.append(1000 * (time.process_time() - before))
    return sorted(walls)[rounds // 2], sorted(cpus)[rounds // 2]


def told(title: str, read: Callable[[], object]) -> bool:
    """Print what a read takes; return whether that is more than its bar."""
    wall, cpu = measured(read)
    late = wall > (SEARCH_MS if "'text'" in title else BAR_MS)
    print(f"{wall:8.1f} ms wall {cpu:8.1f} ms cpu  {title}{'  SLOW' if late else ''}", flush=True)
    return late


POLICY = """
apiVersion: policy/v1
policy: {id: judged, version: 1.0.0, status: active, owner: somebody}
rules:
  - {id: refusal, title: No refusal, kind: must_not, statement: Do not refuse., rationale: They ask for help.,
     graders: [{use: judge, judge: small, rubric: Refusals.}]}
"""
LABELS = 500
"""Answers that people labelled, of ninety days."""


def of_judges(house: GeneratedStore, folder: Path) -> dict[str, Callable[[], object]]:
    """Return what Quality and a rule ask for once a minute where a judge decides one rule of every turn, and people looked at some."""
    (folder / "policies").mkdir()
    (folder / "policies" / "judged.yaml").write_text(POLICY)
    policies = load_policies(folder / "policies")
    with house.store.transaction() as txn:
        txn.execute(
            f"""UPDATE base.grades SET standing = {JUDGE}, grader = 'judge:small', grader_version = 'v1' WHERE rule_id = 'refusal'"""
        )
        looked = txn.frame(
            "SELECT * FROM base.grades WHERE rule_id = 'refusal' ORDER BY hash(unit_id) LIMIT ?", [LABELS]
        )
        about = {"person": "ana", "adjudicated": False, "at": house.now, "plan": "review"}
        add_labels(txn, [row | about | {"inclusion_probability": 0.002} for row in looked.iter_rows(named=True)])
    settings, now = Settings(judges={"small": JudgeSettings(model="m")}), house.now.replace(tzinfo=UTC)
    return {
        f"/v1/judges/cards, a judge of one rule, {LABELS} labels": CardFile(house.store, FakeClock(now), {}).read,
        "/v1/judges/rates, the last four weeks": partial(rolling_rates, house.store, policies, settings, now, None),
    }


def main(n_turns: int = 250_000) -> int:
    """Print a table; return 1 if a read is slower than the bar."""
    with tempfile.TemporaryDirectory() as folder:
        house = kept_store(Path(folder), n_turns)
        print(f"{4 * n_turns:,} spans; bar {BAR_MS} ms, {SEARCH_MS} ms for words in texts")
        now = house.now.replace(tzinfo=UTC)
        asked = [(name, params) for name in PAGES for params in ASKED.get(name, [{}])]
        reads: dict[str, Callable[[], object]] = {
            f"{name} {params or ''}": partial(house.page, name, params) for name, params in asked
        }
        reads["/v1/sources, the last seven days, all its reads"] = partial(sources, house.store, {}, now)
        slow = sum(told(title, read) for title, read in reads.items())
        slow += sum(told(title, read) for title, read in of_judges(house, Path(folder)).items())
        house.store.close()
    return int(slow > 0)


if __name__ == "__main__":
    sys.exit(main(*(int(text) for text in sys.argv[1:2])))
