"""How the process that runs Apprise ends: the exit codes of `through_apprise`, for who starts it and must not load Apprise itself."""

from __future__ import annotations

from typing import Final

TAKEN: Final = 0
UNKNOWN: Final = 3
FAILED: Final = 4
ABSENT: Final = 5
