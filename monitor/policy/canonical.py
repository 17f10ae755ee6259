"""The one form of a policy that its hash is taken of, however it is spelled."""

from __future__ import annotations

from typing import Any

import msgspec

from monitor.policy.schema import PolicyFile


def canonical(file: PolicyFile) -> bytes:
    """Return the one form that all spellings of the same policy share: JSON with sorted keys and without what says nothing."""
    return msgspec.json.encode(_pruned(msgspec.to_builtins(file)), order="sorted")


def _pruned(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_pruned(item) for item in value]
    if not isinstance(value, dict):
        return value
    pruned = {key: _pruned(item) for key, item in value.items()}
    return {key: item for key, item in pruned.items() if item not in ({}, [], None)}
