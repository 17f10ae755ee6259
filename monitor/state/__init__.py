"""The control state in SQLite: alerts, their reason trail, the outbox and the progress of jobs. Small and never lost."""

from monitor.state.opening import ControlState, Transaction

__all__ = ["ControlState", "Transaction"]
