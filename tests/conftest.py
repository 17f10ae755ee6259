"""What holds for every test: none asserts on wall time, so an example may take as long as a busy machine needs."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("house", deadline=None)
settings.load_profile("house")
