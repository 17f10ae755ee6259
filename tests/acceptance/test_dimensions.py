"""Whom the application speaks to: said by attributes, settings, the SDK or a record, and what the scope of a policy asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from collectors.batch import Batch
from collectors.decode import decode_traces
from collectors.dialects.own import table_with
from collectors.importers.record import Origin
from collectors.importers.records import add_record
from monitor.clock import FakeClock
from monitor.config.schema import Settings
from plumbline.opening import open_agent
from plumbline_sdk import context
from plumbline_sdk._tags import current_tags
from tests.acceptance.test_policy_preview import END
from tests.acceptance.traffic import spooled
from tests.collectors_decode.encoding import RECEIVED, request_of, span_of
from tests.policy.support import GOOD


def decoded(attributes: dict[str, Any], dimensions: dict[str, str] | None = None) -> dict[str, Any]:
    batch = Batch()
    body = request_of(span_of({"gen_ai.operation.name": "chat", **attributes}, name="chat")).SerializeToString()
    decode_traces(body, "protobuf", batch, RECEIVED, table_with(None, dimensions or {}))
    return batch.dicts("spans")[0]


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("plumbline.region", "region"),
        ("plumbline.tenant", "tenant"),
        ("geo.region.iso_code", "region"),
        ("tenant.id", "tenant"),
        ("browser.language", "language"),
        ("metadata.channel", "channel"),
    ],
)
def test_standard_attributes_say_a_dimension(key: str, field: str) -> None:
    assert decoded({key: "x1"})[field] == "x1"


def test_keys_of_ones_own_say_a_dimension_before_shipped_ones() -> None:
    said = {"acme.market": "EU", "geo.region.iso_code": "US", "metadata.tier": "adults"}
    row = decoded(said, {"acme.market": "region", "tier": "audience"})
    assert (row["region"], row["audience"], row["channel"]) == ("EU", "adults", None)


def test_what_the_sdk_says_is_what_arrives() -> None:
    with context(region="EU", channel="web", audience="adults", tenant="acme", language="de"):
        row = decoded(current_tags())
    assert [row[name] for name in ("region", "channel", "audience", "tenant", "language")] == [
        "EU",
        "web",
        "adults",
        "acme",
        "de",
    ]
    assert current_tags() == {}


def test_a_record_says_it_too() -> None:
    batch = Batch()
    add_record(
        batch,
        {"input": "?", "output": "yes", "app": "shop", "region": "JP"},
        1,
        Origin(1_700_000_000_000_000, 1_700_000_000_000_000, None),
    )
    assert batch.dicts("spans")[0]["region"] == "JP"


def test_a_policy_holds_where_its_scope_says_and_where_nobody_says(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    scoped = GOOD.replace("scope: {apps: [shop]}", "scope: {apps: [shop], regions: [EU], channels: [web]}")
    (tmp_path / "policies" / "shop.yaml").write_text(scoped, encoding="utf-8")
    agent = open_agent(Settings(policies=str(tmp_path / "policies")), tmp_path / "data", FakeClock(END))
    where: list[dict[str, str]] = [{"region": "EU"}, {"region": "US"}, {}, {"region": "EU", "channel": "phone"}]
    rows = [
        {"id": f"r{n}", "time": END.isoformat(), "app": "shop", "input": "?", "output": "A bad word."} | said
        for n, said in enumerate(where)
    ]
    spooled(tmp_path / "data" / "spool", iter(rows))
    agent.settle()
    agent.cycle()
    graded = agent.sql(
        "SELECT t.region, t.channel FROM grades g JOIN turns t ON t.trace_id = g.unit_id WHERE g.rule_id = 'R-1' ORDER BY 1",
        10,
    )
    assert graded.table.to_pylist() == [{"region": "EU", "channel": None}, {"region": None, "channel": None}]
    agent.close()
