"""What holds for every test: none asserts on wall time, so an example may take as long as a busy machine needs.

Property tests try the same examples in every run, so that a change is judged by what it changed; `make fuzz` searches new ones.
"""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("house", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=500)
settings.load_profile("house")
