"""Where the shared data and fixtures lie; tests that need them skip with a reason where they are absent."""

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared"
FIXTURES = SHARED / "fixtures" / "otlp"
DATA = SHARED / "data"

needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared (fixtures and data) is not on this machine")
