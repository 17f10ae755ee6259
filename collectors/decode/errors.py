"""What can be wrong with a whole request body."""

from __future__ import annotations

from monitor.errors import PlumblineError


class BadBody(PlumblineError):
    """The body is not what its media type says; nothing of it was kept. The sender must not retry it."""
