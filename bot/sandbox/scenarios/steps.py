"""How each verb of a scenario is carried out in a world. A step that doesn't come out raises ``UnmetError``.

It refuses to know the order of steps and how a scenario ends.
"""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bot.sandbox import hands
from bot.sandbox.breakages import telling
from bot.sandbox.faults.every import sentence
from bot.sandbox.kubernetes import stand_in, stand_in_go
from bot.sandbox.patience import stretched
from bot.sandbox.scenarios import every_card, race, schema, spans
from bot.sandbox.scenarios.checks import must_be_acked, pressed
from bot.sandbox.scenarios.counted import count, state
from bot.sandbox.scenarios.fault_step import Fault
from bot.sandbox.scenarios.talk_step import Post, React, Shortcut
from bot.sandbox.scenarios.transcript import Transcript
from bot.sandbox.slack_room import CardHandle, UnmetError
from bot.sandbox.world import World


class Player:
    """Plays steps in one world; ``card`` is the one that is looked at."""

    def __init__(self, world: World, transcript: Transcript) -> None:
        self.world, self.transcript = world, transcript
        self.card: CardHandle | None = None
        self.names: dict[str, str] = {}

    async def play(self, step: schema.Step) -> None:
        """Carry out one step."""
        verb = step.verb
        carry_out: Callable[[Any], Awaitable[None]] = getattr(self, f"_{verb}")
        await carry_out(getattr(step, verb))

    def filled(self, words: schema.Words) -> tuple[str, ...]:
        """``{winner}`` and ``{loser}`` of the last race put in."""
        return tuple(
            re.sub(r"\{(\w+)\}", lambda found: self.names.get(found.group(1), found.group(0)), w) for w in words
        )

    def _looked_at(self) -> CardHandle:
        if self.card is None:
            raise UnmetError("No card has been looked at yet: a scenario expects one before it is used.")
        return self.card

    # -- what happens outside ---------------------------------------------------------------------

    async def _say(self, words: str) -> None:
        self.transcript.say(words)

    async def _wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def _advance(self, span: float) -> None:
        start = time.monotonic()
        await self.world.advance(span)
        self.transcript.say(f"Everybody's clock goes on by {spans.told(span)}, in {time.monotonic() - start:.1f} s")

    async def _fire(self, fire: schema.Fire) -> None:
        delivery = await self.world.fire(fire.alert, fire.workload, **fire.labels)
        if not delivery.accepted:
            raise UnmetError(f"The webhook answered {delivery.status} to {fire.alert}.")
        about = f" for {fire.workload}" if fire.workload else ""
        alerts = count(len(delivery.body["alerts"]), "alert")
        self.transcript.say(f"Alertmanager: {fire.alert} fires{about} ({alerts}), taken")

    async def _resolve(self, name: str) -> None:
        sent = await self.world.resolve(name)
        if not sent or not all(one.accepted for one in sent):
            raise UnmetError(f"No resolved notice of {name} was taken.")
        self.transcript.say(f"Alertmanager: {name} is resolved")

    async def _storm(self, storm: schema.Storm) -> None:
        start = time.monotonic()
        sent = await self.world.alertmanager.storm(storm.alerts, storm.groups)
        taken = sum(int(one.answer.get("accepted", 0)) for one in sent)
        if taken != storm.alerts:
            raise UnmetError(f"{storm.alerts} alerts were sent, {taken} were accepted.")
        self.transcript.say(
            f"Alertmanager: {taken} alerts in {len(sent)} groups, all taken in {time.monotonic() - start:.1f} s"
        )

    async def _crash(self, trouble: schema.Trouble) -> None:
        namespace, name = trouble.workload.split("/")
        reason, code = ("OOMKilled", 137) if trouble.how == "oom" else ("Error", 1)
        pods = self.world.cluster.crash_loop(namespace, name, trouble.pods, reason, code)
        self.transcript.say(
            f"Cluster: {count(len(pods), 'pod')} of {trouble.workload} made to crash ({reason}, exit {code})"
        )
        await self._until_crashing(namespace, name, len(pods))

    async def _jvm(self, jvm: schema.Jvm) -> None:
        pods = self.world.cluster.pods(*jvm.workload.split("/"))
        for pod in pods:
            await stand_in.start(self.world.cluster_server.containers, pod, silent=jvm.silent)
        says = "nothing" if jvm.silent else "jcmd"
        self.transcript.say(
            f"Cluster: a stand-in for a JVM in {count(len(pods), 'pod')} of {jvm.workload} answers {says}"
        )

    async def _pprof(self, pprof: schema.Pprof) -> None:
        pods = self.world.cluster.pods(*pprof.workload.split("/"))
        await stand_in_go.start(self.world.cluster_server.proxying, pods, pprof.port)
        self.transcript.say(f"Cluster: {len(pods)} pods of {pprof.workload} answer as a Go program's pprof does")

    async def _until_crashing(self, namespace: str, name: str, wanted: int) -> None:
        def waiting() -> int:
            found = 0
            for pod in self.world.cluster.pods(namespace, name):
                for entry in pod["status"].get("containerStatuses", []):
                    found += (entry["state"].get("waiting") or {}).get("reason") == "CrashLoopBackOff"
            return found

        await self._poll(lambda: waiting() >= wanted, 10, lambda: f"only {waiting()} pods went into CrashLoopBackOff")

    async def _break_next(self, trouble: schema.Trouble) -> None:
        namespace, name = trouble.workload.split("/")
        self.world.cluster.break_next(namespace, name, trouble.how)
        self.transcript.say(f"Cluster: pods of {trouble.workload} that start from now on are {trouble.how}")

    async def _heal(self, workload: str) -> None:
        self.world.cluster.heal(*workload.split("/"))
        self.transcript.say(f"Cluster: {workload} is well again")

    async def _change(self, change: schema.Change) -> None:
        namespace, name = change.workload.split("/")
        replicas = (self.world.cluster.get("Deployment", namespace, name) or {})["spec"]["replicas"]
        image = change.image.replace("{registry}", self.world.registry.host)
        self.world.cluster.deployment(namespace, name, replicas=replicas, image=image)

        def counts() -> list[int]:
            found = self.world.cluster.get("Deployment", namespace, name) or {}
            return [found["status"].get(key, 0) for key in ("replicas", "updatedReplicas", "readyReplicas")]

        await self._poll(
            lambda: counts() == [replicas] * 3, 15, lambda: f"{change.workload} never rolled out: {counts()}"
        )
        self.transcript.say(f"Cluster: somebody rolled out {image} to {change.workload}")

    async def _kubectl_restart(self, workload: str) -> None:
        await hands.rollout_restart(self.world.cluster_server, workload)
        self.transcript.say(f"Somebody: kubectl rollout restart of {workload}")

    async def _apply(self, apply: schema.Apply) -> None:
        manifest = json.loads(json.dumps(dict(apply.manifest)))
        self.world.cluster.apply(manifest)
        self.transcript.say(f"Cluster: somebody applies {manifest['kind']} {manifest['metadata']['name']}")

    async def _bind(self, bind: schema.Bind) -> None:
        people, name = self.world.cluster_server.access.people, f"of-{bind.user}-{bind.namespace}"
        people.unbind(name)
        if bind.rules:
            people.bind(name, bind.rules, user=bind.user, namespace=bind.namespace)
        may = "; ".join(f"{', '.join(one['verbs'])} {', '.join(one['resources'])}" for one in bind.rules) or "nothing"
        self.transcript.say(f"Cluster: {bind.user} may {may} in {bind.namespace} from now on")

    async def _annotate(self, annotate: schema.Annotate) -> None:
        notes = dict(annotate.notes)
        if annotate.namespace:
            self.world.cluster.annotate("Namespace", "", annotate.namespace, notes)
        else:
            namespace, name = annotate.workload.split("/")
            self.world.cluster.annotate(annotate.kind, namespace, name, notes)
        said = ", ".join(f"{key} {'is gone' if value is None else value}" for key, value in notes.items())
        self.transcript.say(f"Cluster: somebody annotates {annotate.workload or annotate.namespace} ({said})")

    async def _bot(self, bot: schema.Bot) -> None:
        if bot.do == "start":
            await self.world.start_bot()
            self.transcript.say("Bot: started")
            return
        start = time.monotonic()
        code = await (self.world.bot.stop() if bot.do == "stop" else self.world.bot.kill())
        self.transcript.say(f"Bot: ended by {bot.do} after {time.monotonic() - start:.1f} s with exit code {code}")
        if bot.exit is not None and code != bot.exit:
            raise UnmetError(f"The bot ended with exit code {code}, not {bot.exit}.{self.world.bot.last_lines()}")

    async def _fault(self, fault: Fault) -> None:
        order = fault.order
        await self.world.faults.put(order)
        self.transcript.say(f"Fault: {sentence(order)}")

    async def _clear_faults(self, _yes: bool) -> None:
        self.world.faults.clear()
        self.transcript.say("Fault: all cleared")

    # -- what people do ---------------------------------------------------------------------------

    async def _press(self, press: schema.Press) -> None:
        words = self._button(press)
        who = " and ".join(f"@{name}" for name in press.by)
        self.transcript.say(f"{who} press{'es' if len(press.by) == 1 else ''} {words}")
        await asyncio.gather(*(self._press_one(words, by, unheard=press.unheard) for by in press.by))
        await self.settle(press)

    def _button(self, press: schema.Press) -> str:
        card = self._looked_at()
        found = [label for label in card.buttons if label.startswith(press.button)]
        if not found:
            raise UnmetError(f"There is no button {press.button} on the card; there are: {', '.join(card.buttons)}.")
        return found[0]

    async def _press_one(self, words: str, by: str, *, unheard: bool) -> None:
        said = await pressed(self._looked_at(), words, by, unheard=unheard)
        if said:
            self.transcript.say(said)

    async def press_for(self, press: schema.Press, by: str) -> None:
        """One press of several at the same moment, of which the others are made on the page."""
        words = self._button(press)
        self.transcript.say(f"@{by} presses {words}, at the same moment as somebody on the page")
        await self._press_one(words, by, unheard=press.unheard)

    async def settle(self, press: schema.Press) -> None:
        """What later steps must know of a press: who of several was first."""
        if len(press.by) > 1:
            winner, loser = await race.first(self._looked_at(), press.by)
            self.names |= {"winner": winner, "loser": loser}
            self.transcript.say(f"@{winner} was first")

    async def _submit(self, submit: schema.Submit) -> None:
        view = await self.world.slack.expect_view(submit.by, *self.filled(submit.containing))
        self.transcript.quote(f"@{submit.by} sees “{view.title}”", self.world.slack.view_lines(view))
        reply = await self.world.slack.submit(submit.by, submit.values)
        must_be_acked(submit.by, reply)
        if reply.errors:
            raise UnmetError(f"The dialog was refused: {reply.errors}")
        said = ", ".join(f"{label}: {value}" for label, value in submit.values.items())
        self.transcript.say(f"@{submit.by} submits “{view.title}” ({said})")

    async def _view(self, shown: schema.ViewShown) -> None:
        containing = self.filled(shown.containing)
        view = await self.world.slack.expect_view(shown.by, *containing, within=shown.within)
        self.transcript.quote(f"@{shown.by} sees “{view.title}”", self.world.slack.view_lines(view))
        person = self.world.slack_server.workspace.person(shown.by).id
        while stack := self.world.slack_server.workspace.open_views(person):
            await self.world.slack_server.close_view(shown.by, stack[-1].id)

    async def _slash(self, slash: schema.Slash) -> None:
        self.transcript.say(f"@{slash.by} types {slash.line}")
        must_be_acked(slash.by, await self.world.slack.slash(slash.by, slash.line))

    async def _post(self, post: Post) -> None:
        thread = self._looked_at().message.ts if post.thread else None
        await self.world.slack.post(post.by, post.text, thread)
        self.transcript.say(f"@{post.by} writes{' in the thread' if post.thread else ''}: {post.text}")

    async def _react(self, react: React) -> None:
        await self.world.slack.react(react.by, react.name, react.to, off=react.away)
        doing = "takes" if react.away else "puts"
        self.transcript.say(f"@{react.by} {doing} :{react.name}: {'off' if react.away else 'on'} “{react.to}”")

    async def _shortcut(self, it: Shortcut) -> None:
        self.transcript.say(f"@{it.by} chooses “{it.name}” on “{it.to}”")
        must_be_acked(it.by, await self.world.slack.shortcut(it.by, it.name, it.to))

    # -- what must be seen ------------------------------------------------------------------------

    async def _expect_card(self, expect: schema.ExpectCard) -> None:
        containing = self.filled(expect.containing)
        if self.card is None or expect.new:
            self.card = await self.world.slack.expect_card(
                *containing, without=expect.without, buttons=expect.buttons, within=expect.within
            )
        else:
            await self.card.expect(*containing, without=expect.without, buttons=expect.buttons, within=expect.within)
        self.transcript.quote(f"Card INC-{self.card.incident}:", self.card.lines)
        there = [one for one in self.card.buttons if any(one.startswith(no) for no in expect.no_buttons)]
        if there:
            raise UnmetError(f"The card offers {', '.join(there)}, which it must not.")

    async def _told(self, told: schema.Told) -> None:
        (to,) = self.filled((told.to,))
        said = await self.world.slack.expect_ephemeral(to, *self.filled(told.containing), within=told.within)
        self.transcript.quote(f"Only @{to} sees:", said)

    async def _thread(self, thread: schema.Thread) -> None:
        card = self._looked_at()
        said = await self.world.slack.expect_thread(card, *self.filled(thread.containing), within=thread.within)
        self.transcript.say(f"The thread of INC-{card.incident} says so ({len(said)} lines)")

    async def _expect_cards(self, expect: schema.ExpectCards) -> None:
        await every_card.look(self.world, expect, self._poll, self.transcript)

    async def _expect_cluster(self, expect: schema.ExpectCluster) -> None:
        namespace, name = expect.workload.split("/")

        def there() -> dict[str, Any]:
            found = self.world.cluster.get("Deployment", namespace, name) or {}
            marks = found["spec"]["template"]["metadata"].get("annotations", {})
            return {
                "writes": len(self.world.patches(expect.workload)),
                "ready": found["status"].get("readyReplicas", 0),
                "restarted": "kubectl.kubernetes.io/restartedAt" in marks,
            }

        wanted = {key: getattr(expect, key) for key in ("writes", "ready", "restarted")}
        wanted = {key: value for key, value in wanted.items() if value is not None}
        await self._poll(
            lambda: wanted.items() <= there().items(),
            expect.within,
            lambda: f"{expect.workload} should have {state(wanted)}, it has {state(there())}",
        )
        self.transcript.say(f"Cluster: {expect.workload} has {state(there())}")

    async def _expect_silences(self, expect: schema.ExpectSilences) -> None:
        book, api = self.world.alertmanager.silences, self.world.alertmanager_api

        def holding() -> list[list[str]]:
            held = [one for one in book.kept.values() if one.state(book.clock()) == "active"]
            return [[f"{one['name']}={one['value']}" for one in silence.matchers] for silence in held]

        def there() -> bool:
            named = {matcher for one in holding() for matcher in one}
            posted = expect.posted is None or len(api.wrote("POST")) == expect.posted
            return len(holding()) == expect.active and posted and set(expect.matching) <= named

        await self._poll(
            there, expect.within, lambda: f"Alertmanager has {holding()}, and was asked {len(api.wrote('POST'))} times"
        )
        said = "; ".join(", ".join(one) for one in holding()) or "none"
        self.transcript.say(f"Alertmanager: silences in force: {said}")

    async def _expect_sockets(self, expect: schema.ExpectSockets) -> None:
        sockets = self.world.slack_server.sockets
        await self._poll(
            lambda: sockets.connections == expect.count, expect.within,
            lambda: f"There are {sockets.connections} connections at Slack, not {expect.count}",
        )  # fmt: skip
        self.transcript.say(f"Slack: {expect.count} connections of the bot are open")

    async def _expect_object(self, expect: schema.ExpectObject) -> None:
        def found() -> list[str]:
            listed = self.world.cluster.list(expect.kind, expect.namespace or None)
            named = [one for one in listed if not expect.name or one["metadata"]["name"] == expect.name]
            texts = [json.dumps(one, separators=(",", ":")) for one in named]
            return [text for text in texts if all(words in text for words in expect.containing)]

        named = f"{expect.kind} {expect.name}".rstrip()
        await self._poll(
            lambda: bool(found()) is not expect.gone,
            expect.within,
            lambda: f"{named} {'is still there' if expect.gone else f'should have {expect.containing}'}",
        )
        seen = "is gone" if expect.gone else f"has {','.join(expect.containing)}"
        self.transcript.say(f"Cluster: {named} {seen}")

    async def _fettle(self, fettle: schema.Fettle) -> None:
        code, out = await self.world.fettle(*shlex.split(fettle.line))
        self.transcript.quote(f"$ fettle {fettle.line}", out.rstrip().split("\n"))
        missing = [words for words in fettle.containing if words not in out]
        if code != fettle.exit or missing:
            raise UnmetError(
                f"fettle {fettle.line} ended with {code} (wanted {fettle.exit}), without {missing}:\n{out}"
            )

    async def _expect_audit(self, expect: schema.ExpectAudit) -> None:
        end = time.monotonic() + stretched(expect.within)
        while True:
            table = await self.world.audit()
            missing = [words for words in self.filled(expect.containing) if words not in table]
            counted = {tag: len(re.findall(rf"\s{re.escape(tag)}\s", table)) for tag in expect.counts}
            if not missing and counted == dict(expect.counts):
                break
            if time.monotonic() > end:
                raise UnmetError(
                    f"The audit lacks {missing}; it counts {counted}, wanted {dict(expect.counts)}:\n{table}"
                )
            await asyncio.sleep(0.3)
        self.transcript.say("The audit says so")

    async def _tell(self, tell: schema.Tell) -> None:
        start = time.monotonic()
        unlike = await telling.tell_all(self.world, at_once=tell.at_once, within=tell.within, say=self.transcript.say)
        self.transcript.say(f"{len(self.world.broken)} breakages were told of in {time.monotonic() - start:.0f} s")
        if unlike:
            raise UnmetError("\n".join([f"{len(unlike)} cards don't say what is broken:", *unlike]))

    async def _poll(self, look: Callable[[], bool], within: float, failure: Callable[[], str]) -> None:
        end = time.monotonic() + stretched(within)
        while not look():
            if time.monotonic() > end:
                raise UnmetError(f"{failure()} (waited {within:g} s)")
            await asyncio.sleep(0.05)
