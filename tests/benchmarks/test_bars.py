"""The bars in one go: what is run in an earlier checkout is a program there, and a row is printed with its ratio."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import bars
from benchmarks.against import HERE, SHOW
from benchmarks.bars import BARS, Bar, program_of


@pytest.mark.parametrize("module", ["quiet", "sustained"])
def test_what_an_earlier_checkout_is_asked_is_a_program_of_its_own(module: str) -> None:
    program = program_of(module)
    compile(SHOW + program, module, "exec")
    assert "def measure(" in program
    assert "benchmarks.bars" not in [line for line in program.splitlines() if line.startswith(("import ", "from "))]
    assert len({bar.name for bar in BARS}) == len(BARS)


def test_a_row_says_before_now_and_the_ratio(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measured(before: Path, quick: bool) -> Iterator[bars.Line]:
        assert (before, quick) == (HERE, True)
        yield "cores", 1.05, 0.21
        yield "megabytes", None, 410.0

    monkeypatch.setattr(bars, "BARS", (Bar("idle", "quiet", measured), Bar("other", "not asked", measured)))
    monkeypatch.setattr("sys.argv", ["bars", str(HERE), "--only", "idle", "--quick"])
    bars.main()
    printed = capsys.readouterr().out
    assert "0.20" in printed
    assert "410.00" in printed
    assert "not asked" not in printed
