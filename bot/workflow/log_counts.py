"""Error lines after an action against before, by Loki's count: as many as before may still come, or a few.

One number among those that a verification measures. Its window is the soak, so the first count that is taken holds
nothing from before the end of the rollout. Without Loki there is no such row; a Loki that doesn't answer makes it
unmeasured. It refuses to read a line.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.errors import FettleError
from bot.domain.measured import MetricCheck, Sample, ThanBefore
from bot.domain.query import LogQuery
from bot.evidence import log_errors
from bot.integrations import promql
from bot.integrations.loki import Loki

SOURCE = "loki"
KINDS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
FEW = 10
"""Lines in the window that are never too many: most programs say "error" now and then."""
FACTOR = 2.0
"""How many times as many as before the action are too many; fewer may be the same load on another day."""
SHORTEST = timedelta(seconds=10)


def planned(query: LogQuery, kind: str, soak: timedelta) -> MetricCheck | None:
    """The count after an action on a workload; None where no pods are to be followed."""
    if kind not in KINDS:
        return None
    seconds = int(max(soak, SHORTEST).total_seconds())
    lines = log_errors.template(query, kind, known=False)
    return MetricCheck(
        name=log_errors.SOURCE,
        expr=f"sum(count_over_time({lines}\n[{seconds}s])) / {seconds}",
        title="log errors",
        unit="per_second",
        samples=1,
        settle=seconds,
        source=SOURCE,
    )


def compared(check: MetricCheck, before: float | None) -> MetricCheck:
    """With what is too many: by the rate before, or the wish to compare with what nobody measured."""
    if before is None:
        return replace(check, than_before=ThanBefore.NO_WORSE)
    return replace(check, before=before, below=max(FACTOR * before, FEW / check.settle))


async def sample(loki: Loki | None, check: MetricCheck, values: promql.Values, now: datetime, within: float) -> Sample:
    """Error lines a second in the newest window; no series at all is none."""
    if loki is None:
        return Sample(problem="no Loki is configured to count them")
    try:
        series = await loki.instant(promql.fill(check.expr, values), now, within=within)
    except FettleError as error:
        return Sample(problem=str(error).rstrip("."))
    rate = sum(one.points[-1][1] for one in series)
    return Sample(rate) if math.isfinite(rate) else Sample(problem="Loki's count is no number")
