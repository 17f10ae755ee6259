"""The local tier must keep up with all traffic: graded turns a second on one core, starter policy, 2 KB answers."""

import random
import time

from monitor.graders import grade_turns
from monitor.policy import load_policies
from plumbline.demo.texts import RAMBLES, fill
from tests.graders.support import TOOLS, turn

TURNS = 400


def test_a_thousand_turns_a_second() -> None:

    chance = random.Random(1)
    answers = [" ".join(fill(chance.choice(RAMBLES), {}, chance) for _ in range(25))[:2048] for _ in range(TURNS)]
    turns = [turn(answer, "How does this work for the order that I made?") for answer in answers]
    policies = load_policies(None)
    grade_turns(policies, turns[:10], TOOLS)
    start = time.process_time()
    grade_turns(policies, turns, TOOLS)
    rate = TURNS / (time.process_time() - start)
    print(f"\n{rate:.0f} turns/s")
    assert rate > 500  # measured 1,000 to 1,300; half of it leaves room for a shared machine
