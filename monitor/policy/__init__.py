"""Policies as files: what they may say, how they are read, what makes one wrong."""

from monitor.policy.load import load_policies, policies_in_force
from monitor.policy.schema import Policy

__all__ = ["Policy", "load_policies", "policies_in_force"]
