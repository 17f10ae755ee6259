from datetime import UTC, datetime

from monitor.model.values import Turn

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def turn(output: str | None, said: str | None = None, system: str | None = None, error: str | None = None) -> Turn:
    return Turn("t1", NOW, "shop", said, output, system_text=system, error_type=error)
