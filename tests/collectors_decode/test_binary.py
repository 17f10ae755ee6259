"""Pictures and sound leave the texts before anything is kept, in whatever shape they come; words stay."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.decode.binary import bare, without_blobs
from collectors.decode.messages import messages_of

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
TEXT = base64.b64encode(PNG).decode()
HASH = hashlib.sha256(PNG).hexdigest()[:12]
SHAPES: dict[str, Any] = {
    "blob": {"type": "blob", "mime_type": "image/png", "content": TEXT},
    "input_audio": {"type": "input_audio", "input_audio": {"data": TEXT, "format": "wav"}},
    "image": {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": TEXT}},
    "image_url": {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{TEXT}"}},
    "inline_data": {"type": "file", "inline_data": {"mime_type": "image/png", "data": TEXT}},
    "small": {
        "type": "blob",
        "mime_type": "image/png",
        "content": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
    },
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_part_keeps_its_type_size_and_hash(name: str) -> None:
    kept = without_blobs(json.dumps(messages_of([{"role": "user", "content": [SHAPES[name]]}], "user")))
    assert " bytes sha256:" in kept
    assert "iVBORw0KGgo" not in kept
    assert name == "small" or HASH in kept


@pytest.mark.parametrize("wrap", [json.dumps, lambda part: json.dumps({"inputs": json.dumps({"a": [part]})})])
def test_raw_requests_lose_them_at_any_depth(wrap: Any) -> None:
    kept = without_blobs(wrap(SHAPES["input_audio"]))
    assert TEXT[:40] not in kept
    assert f"1032 bytes sha256:{HASH}" in kept
    assert json.loads(kept)


@pytest.mark.parametrize(
    "text",
    [
        "a sentence " * 40,
        "x" * 500,
        '{"content":"https://example.org/' + "a" * 300 + '"}',
        '{"id":"' + "a" * 300 + '"}',
    ],
)
def test_words_addresses_and_ids_stay(text: str) -> None:
    assert without_blobs(text) == text


@given(
    st.recursive(
        st.text(max_size=40) | st.integers(),
        lambda inner: st.dictionaries(st.sampled_from(["data", "type", "format"]), inner),
    )
)
def test_what_is_short_is_never_changed(value: Any) -> None:
    assert bare(value) == value
