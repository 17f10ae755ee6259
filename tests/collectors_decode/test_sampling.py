"""A sender that samples and says so: how many calls each one stands for."""

from __future__ import annotations

from typing import Any

import pytest

from collectors.batch import Batch
from collectors.decode import decode_traces
from tests.collectors_decode.encoding import RECEIVED, request_of, span_of


@pytest.mark.parametrize(
    ("attributes", "state", "weight"),
    [
        ({}, "", None),
        ({}, "ot=th:0", None),
        ({}, "ot=th:c", 4.0),
        ({}, "vendor=x,ot=rv:abc;th:8", 2.0),
        ({}, "ot=p:3;r:10", 8.0),
        ({}, "ot=p:63", None),
        ({}, "ot=th:zz", None),
        ({}, "vendor=ot", None),
        ({"sampling.probability": 0.1}, "", 10.0),
        ({"sampling.probability": 0}, "", None),
        ({"SampleRate": 20}, "ot=th:8", 20.0),
        ({"logfire.sample_rate": "0.5"}, "", 2.0),
        ({"SampleRate": 10**9}, "", None),
    ],
)
def test_a_kept_call_stands_for_others(attributes: dict[str, Any], state: str, weight: float | None) -> None:
    batch = Batch()
    span = span_of({"gen_ai.operation.name": "chat", **attributes})
    span.trace_state = state
    decode_traces(request_of(span).SerializeToString(), "protobuf", batch, RECEIVED)
    assert batch.dicts("spans")[0]["sampling_weight"] == (None if weight is None else pytest.approx(weight))
