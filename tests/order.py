"""In which order the suite runs: what mostly waits begins first, so that no core is idle at the end for its sake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

LONG = (
    "tests/scenarios/test_scenarios.py",
    "tests/integration/sandbox_page/test_scenarios_on_page.py",
    "tests/scenarios/test_whatever_hangs.py",
    "tests/scenarios/test_breakages.py",
    "tests/canary/test_canary.py",
    "tests/load/test_kills.py",
    "tests/anomalies/test_slack_fails.py",
    "tests/scenarios/test_late_wrong_things.py",
    "tests/load/test_power_cuts.py",
    "tests/load/test_bursts.py",
    "tests/scenarios/test_readme.py",
    "tests/scenarios/test_ending.py",
    "tests/anomalies/test_lost_answers.py",
    "tests/anomalies/test_presses.py",
    "tests/integration/alertmanager/test_real_alertmanager.py",
    "tests/integration/prometheus/test_real_prometheus.py",
    "tests/integration/store_cli/test_full_disk.py",
    "tests/load/test_presses.py",
    "tests/scenarios/test_charts.py",
    "tests/scenarios/test_world.py",
    "tests/scenarios/test_command_line.py",
    "tests/scenarios/test_handlers.py",
    "tests/load/test_week.py",
    "tests/integration/intake/test_together.py",
    "tests/integration/policy_cli/test_policy_commands.py",
    "tests/integration/sandbox_page/test_tour.py",
    "tests/integration/sandbox_page/test_whole.py",
    "tests/integration/dumps/test_real_jvm.py",
    "tests/integration/playbooks/test_cli.py",
)
"""Real processes and other things that take their time, the longest first."""


def dealt(tests: Sequence[T], long: Sequence[T], workers: int) -> list[T]:
    """``tests`` so that xdist's equal slices begin with the ``long`` ones, on all workers but one.

    The last worker keeps the cores busy meanwhile; whoever is done first takes over from the others.
    """
    lanes = max(1, workers - 1)
    left, order = [test for test in tests if test not in set(long)], []
    for worker in range(workers):
        pile = list(long[worker::lanes]) if worker < lanes else []
        rest = max(0, (len(tests) - len(order)) // (workers - worker) - len(pile))
        order += [*pile, *left[:rest]]
        left = left[rest:]
    return order + left
