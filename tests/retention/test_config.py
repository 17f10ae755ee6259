"""What is wrong with `agent.retention` is one line: where, what, what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.durations import parse_duration
from monitor.config.read import read_yaml
from monitor.config.schema import AgentSettings, RetentionSettings, Settings
from monitor.errors import ConfigError
from plumbline.cli.limits import check_limits

CLASSES = ("content", "spans", "rollups")


def read(folder: Path, text: str) -> Settings:
    file = folder / "plumbline.yaml"
    file.write_text(text)
    settings = read_yaml(file, Settings)
    check_limits(settings, file)
    return settings


@pytest.mark.parametrize(
    "text", ["{}", "{content: 1h}", "{content: 30d, spans: 30d}", "{content: 30d, spans: 90d, rollups: 104w}"]
)
def test_what_may_be_written(tmp_path: Path, text: str) -> None:
    settings = read(tmp_path, f"agent:\n  retention: {text}\n")
    assert settings.agent.retention.rollups in {None, "104w"}


@pytest.mark.parametrize(
    ("lines", "at", "says"),
    [
        ("content: 30 days", 3, "agent.retention.content: '30 days' is not a duration"),
        ("content: 0d", 3, "agent.retention.content: '0d' is not a duration above 0"),
        ("content: 90000000w", 3, "up to 100 years"),
        ("content: 30", 3, "agent.retention.content: expected `str | null`, got `int`"),
        ("contents: 30d", 3, "did you mean `content`?"),
        ("content: 90d\n    spans: 30d", 4, "content would be kept longer (90d) than spans (30d)"),
        ("spans: 30d", 3, "content would be kept longer (for ever) than spans (30d) (write content: 30d or shorter)"),
        ("content: 1d\n    rollups: 30d", 4, "spans would be kept longer (for ever) than rollups (30d)"),
        ("content: 1d\n    spans: 48h\n    rollups: 47h", 5, "spans would be kept longer (48h) than rollups (47h)"),
    ],
)
def test_what_may_not(tmp_path: Path, lines: str, at: int, says: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, f"agent:\n  retention:\n    {lines}\n")
    told = str(raised.value)
    assert says in told
    assert f"plumbline.yaml:{at}: " in told
    assert "\n" not in told


durations = st.none() | st.builds(lambda n, u: f"{n}{u}", st.integers(1, 400), st.sampled_from("smhdw"))


@given(st.tuples(durations, durations, durations))
def test_no_class_outlives_the_next(kept: tuple[str | None, ...]) -> None:
    settings = Settings(agent=AgentSettings(retention=RetentionSettings(**dict(zip(CLASSES, kept, strict=True)))))
    spans = [float("inf") if text is None else parse_duration(text).total_seconds() for text in kept]
    try:
        check_limits(settings, Path("/dev/null"))
    except ConfigError:
        assert spans != sorted(spans)
    else:
        assert spans == sorted(spans)
