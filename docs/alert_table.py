"""The page of alerts: each one of the catalog with its evidence, findings and proposals, and how the sandbox shows it.

Made of the playbooks and of the sandbox's breakages; ``generate.py`` writes it.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.playbooks import loader
from bot.playbooks.explained import chained
from bot.sandbox.breakages.breakage import Breakage
from bot.sandbox.breakages.every import BREAKAGES


def alerts_page() -> str:
    """Alert -> evidence -> findings -> proposals, and in which way the sandbox breaks to show it."""
    return "\n".join([ALERTS_HEAD.format(breakages=len(BREAKAGES)), *alert_rows(), *_broken_rows()]) + "\n"


def alert_rows() -> Iterator[str]:
    """A line for each alert that a playbook names, and for each that the sandbox fires of the others."""
    yield "| alert | evidence | findings → what may be proposed | shown by |"
    yield "| --- | --- | --- | --- |"
    for one in loader.built_in().playbooks:
        told = {name: [each for each in BREAKAGES.values() if name in each.alerts] for name in one.match.alerts}
        for each in BREAKAGES.values():
            if each.entry == one.name and not one.match.alerts:
                told.setdefault(each.alerts[0], []).append(each)
        ways = "; ".join(
            f"{cause} → {', '.join(map(chained, steps)) or 'nothing'}" for cause, steps in one.findings.items()
        )
        for name, shown in told.items():
            by = ", ".join(f"[{each.name}](#{each.name})" for each in shown)
            yield f"| **{name}** | {', '.join(one.evidence)} | {ways} | {by} |"


def _broken_rows() -> Iterator[str]:
    yield ""
    yield BROKEN_HEAD
    yield "| breakage | what happens | alerts | first finding | the card offers |"
    yield "| --- | --- | --- | --- | --- |"
    for one in BREAKAGES.values():
        place = f'<a id="{one.name}"></a>`{one.name}`'
        yield f"| {place} | {one.title} | {', '.join(one.alerts)} | {one.cause} | {_offer(one)} |"


def _offer(one: Breakage) -> str:
    if one.offers:
        return f"*{one.offers}*"
    if one.refuses:
        return "nothing: policy denies"
    return f"advice: `{one.by_hand}`" if one.by_hand else "nothing, and says why"


ALERTS_HEAD = """# Alerts

Generated from the catalog of playbooks and the sandbox's breakages by `docs/generate.py`.

For every alert that a built-in playbook names: what is collected, which findings may follow, and what each may lead to.
Findings are ranked by what is seen, not by this order (`docs/findings.md`); a proposal follows from the first alone.
`fettle playbooks explain ALERT.json` says the same of an alert of yours.

The last column names in which of the sandbox's {breakages} breakages the alert is shown: the cluster is broken that
way, real collectors look, and a test holds that the card names that cause first and offers what stands below.
"""

BROKEN_HEAD = """## Breakages

`fettle sandbox --break NAME` starts a sandbox that is broken so; `fettle sandbox --headless --scenario NAME` plays it
without a page. Each happens beside a healthy workload, after rollouts of long ago that have nothing to do with it.
"""
