"""Which of many streams have changed now: the e-BH procedure."""

from __future__ import annotations

from collections.abc import Sequence


def e_bh(e_values: Sequence[float], q: float = 0.05) -> list[int]:
    """Return the positions of the discoveries, strongest first, with false discovery rate at most `q`.

    Wang and Ramdas, "False discovery rate control with e-values" (JRSSB 2022). Valid under any dependence between the
    e-values. For one look: a growing list of looks needs e-LOND instead, and M of an e-detector is an e-value only as M / t
    at a time t fixed beforehand.

    >>> e_bh([1.0, 900.0, 0.2, 45.0], q=0.05)
    [1, 3]
    """
    order = sorted(range(len(e_values)), key=lambda i: -e_values[i])
    passing = [k for k, i in enumerate(order, 1) if e_values[i] >= len(e_values) / (q * k)]
    return order[: max(passing, default=0)]
