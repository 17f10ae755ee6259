"""Deterministic graders, one family a file: each looks at one turn under its own settings and says what it found.

They need no network and no model, so all traffic can be graded. They know nothing of policies: a policy names the
graders of its rules, and `cascade` asks them in that order.
"""

from monitor.graders.cascade import grade_turns

__all__ = ["grade_turns"]
