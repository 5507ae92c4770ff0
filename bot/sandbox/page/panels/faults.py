"""The faults' panel: one switch for each way in which Slack and the cluster let the bot down.

A switch puts standing orders into the switchboards of the servers, and takes the same ones out. What is used up (a
post that is dropped once) is off again by itself: the panel shows what the switchboards hold. It refuses to remember.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bot.sandbox.kubernetes.faults import Faults as ClusterFaults
from bot.sandbox.page.panels.panel import Act, Json, field
from bot.sandbox.page.render import render
from bot.sandbox.slack.errors import NotThere
from bot.sandbox.slack.faults import Faults as SlackFaults

FOR_EVER = 10**9
RETRY_AFTER, SLOW = 3, 2.0
WRITES = ("patch", "update", "create", "delete")


@dataclass(frozen=True)
class Switch:
    """``on`` switches it on, ``off`` off; ``holds`` is whether it is on now."""

    name: str
    label: str
    about: str
    on: Callable[[], object]
    off: Callable[[], object]
    holds: Callable[[], bool]


def slack_switches(faults: SlackFaults) -> list[Switch]:
    """What goes wrong with Slack."""

    def of_calls(name: str, label: str, about: str, kind: str, method: str, on: Callable[[], object]) -> Switch:
        return Switch(
            name, label, about, on, lambda: faults.lift(method, kind), lambda: faults.is_on(method, kind)
        )  # fmt: skip

    def shut() -> None:
        faults.refuse_sockets(FOR_EVER)
        faults.close_sockets()

    return [
        of_calls(
            "slack-429", "429 on every call", f"Retry-After: {RETRY_AFTER}", "rate_limit", "*",
            lambda: faults.rate_limit("*", RETRY_AFTER),
        ),
        of_calls("slack-slow", "Every call is slow", f"{SLOW:g} s", "slow", "*", lambda: faults.slow("*", SLOW)),
        of_calls(
            "slack-drop", "The next post is done, then the line drops", "once", "drop_after", "chat.postMessage",
            lambda: faults.drop_after("chat.postMessage"),
        ),
        of_calls(
            "slack-drop-edit", "The next edit is done, then the line drops", "once", "drop_after", "chat.update",
            lambda: faults.drop_after("chat.update"),
        ),
        of_calls("slack-503", "503 on every call", "HTML of a proxy", "error", "*", lambda: faults.error("*", 503)),
        Switch(
            "slack-socket", "The socket is closed, and none opens", "presses aren't heard", shut,
            lambda: faults.refuse_sockets(0), lambda: faults.sockets.refuse > 0,
        ),
    ]  # fmt: skip


def cluster_switches(faults: ClusterFaults) -> list[Switch]:
    """What goes wrong with the cluster's API."""

    def refused(status: int, about: str, verbs: Sequence[str]) -> Switch:
        def on() -> None:
            for verb in verbs:
                faults.set(verb, "*", status=status)

        def off() -> None:
            for verb in verbs:
                faults.lift(verb, "*", status=status)

        what = "every request" if "*" in verbs else "every write"
        return Switch(
            f"cluster-{status}", f"{status} on {what}", about, on, off,
            lambda: faults.is_on(verbs[0], "*", status=status),
        )  # fmt: skip

    return [
        refused(403, "Forbidden", WRITES),
        refused(409, "somebody changed it meanwhile", WRITES),
        refused(429, "Retry-After: 1", ("*",)),
        refused(503, "no server behind the address", ("*",)),
        Switch(
            "cluster-hang", "Every request hangs", "until it is given up", lambda: faults.hang("*", "*"),
            lambda: faults.lift("*", "*", hangs=True), lambda: faults.is_on("*", "*", hangs=True),
        ),
    ]  # fmt: skip


class FaultsPanel:
    """The switches of both servers."""

    name, title = "faults", "Faults"

    def __init__(self, slack: SlackFaults, cluster: ClusterFaults) -> None:
        self._groups = (("Slack", slack_switches(slack)), ("Kubernetes", cluster_switches(cluster)))
        self._by_name = {switch.name: switch for _, switches in self._groups for switch in switches}
        self._slack = slack
        self.acts: Mapping[str, Act] = {"turn": self._turn, "cut": self._cut, "clear": self._clear}

    def mark(self) -> Hashable:
        """Which switches are on."""
        return tuple(switch.holds() for switch in self._by_name.values())

    def html(self) -> Markup:
        """All switches."""
        return render("panels/faults.html", groups=self._groups)

    async def _turn(self, body: Json) -> str:
        switch = self._by_name.get(field(body, "switch"))
        if switch is None:
            raise NotThere("There is no such fault.")
        if switch.holds():
            switch.off()
            return f"Over: {switch.label.lower() if switch.label[0].isalpha() else switch.label}."
        switch.on()
        return ""

    async def _cut(self, _body: Json) -> str:
        count = self._slack.close_sockets()
        return f"Socket Mode connections that were reset: {count}; the bot may connect again."

    async def _clear(self, _body: Json) -> str:
        for switch in self._by_name.values():
            if switch.holds():
                switch.off()
        return "Everything works again."
