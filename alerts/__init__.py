"""Findings out: alert rules, alert states, the durable outbox and the channels that deliver it."""
