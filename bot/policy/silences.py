"""May this person keep this incident's alerts quiet? Asked before the form is shown, at the submission, and at the act.

A silence changes whom Alertmanager notifies, so it has the guards of an action that fit it: mode, list of actions,
namespaces, another cluster's alerts, the kill switch, annotations, approvers. What can't be read denies. One approver
is enough: whoever sets it saw what it matches, it has an end, and anybody may take it back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.decision import Decision, Reason, Rule
from bot.domain.mitigation import Notice
from bot.domain.narrowing import Narrowing
from bot.policy.guardrails import PROTECTED_NAMESPACES

SHORTEST = timedelta(minutes=1)


@dataclass(frozen=True)
class Case:
    """What the guards judge; the defaults deny.

    ``frozen`` is None when the kill switch can't be read, ``narrowing`` when annotations weren't read; both deny.
    ``lasting`` is None before it is chosen.
    ``held`` says what stands in the way of another silence of the incident.
    """

    ref: str
    mode: str = "observe"
    actions: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()
    own_namespace: str = ""
    namespace: str = ""
    foreign_cluster: str = ""
    alertmanager: bool = False
    open: bool = False
    frozen: bool | None = None
    frozen_sentence: str = ""
    narrowing: Narrowing | None = None
    lasting: timedelta | None = None
    longest: timedelta = timedelta(0)
    held: str = ""


def check(case: Case) -> Decision:
    """The decision with every reason against."""
    return Decision((*_settings(case), *_incident(case), *_frozen(case), *_annotated(case), *_lasting(case)))


def may_write(mode: str, frozen: bool | None, frozen_sentence: str) -> Decision:
    """Whether anything may be sent at all; asked right before each request, one that ends a silence included."""
    case = Case("", mode=mode, frozen=frozen, frozen_sentence=frozen_sentence)
    return Decision((*_mode(case), *_frozen(case)))


def _mode(case: Case) -> Iterator[Reason]:
    if case.mode != "act":
        yield Reason(Rule.MODE, "I only observe (MODE=observe). Set MODE=act to let me act.")


def _settings(case: Case) -> Iterator[Reason]:
    yield from _mode(case)
    if Notice.SILENCE not in case.actions:
        yield Reason(Rule.ACTION, "The action silence isn't allowed. Add silence to ALLOWED_ACTIONS.")
    if not case.alertmanager:
        yield Reason(Rule.UNREADABLE, "No Alertmanager is configured: set ALERTMANAGER_URL.")


def _incident(case: Case) -> Iterator[Reason]:
    if case.foreign_cluster:
        yield Reason(
            Rule.CLUSTER,
            f"The alerts are from cluster {case.foreign_cluster}, which isn't mine. Silence them there.",
        )
    if not case.open:
        yield Reason(Rule.SETTLED, f"{case.ref} is already resolved: there is nothing to silence.")
    if not case.namespace:
        yield Reason(
            Rule.NAMESPACE, "The alerts name no namespace: a silence would cover too much. Set it in Alertmanager."
        )
    elif case.namespace in PROTECTED_NAMESPACES or case.namespace == case.own_namespace:
        yield Reason(Rule.PROTECTED, f"I never silence alerts of {case.namespace}. Set it in Alertmanager.")
    elif case.namespace not in case.namespaces:
        yield Reason(
            Rule.NAMESPACE,
            f"The namespace {case.namespace} isn't allowed. Add {case.namespace} to ALLOWED_NAMESPACES.",
        )
    if case.held:
        yield Reason(Rule.IN_FLIGHT, case.held)


def _frozen(case: Case) -> Iterator[Reason]:
    if case.frozen is not False:
        unreadable = "I can't read whether writes are frozen, so I don't write. Look at the store and FREEZE_FILE."
        frozen = case.frozen_sentence or "Writes are frozen. Nothing was done."
        yield Reason(Rule.FROZEN, unreadable if case.frozen is None else frozen)


def _annotated(case: Case) -> Iterator[Reason]:
    if case.narrowing is None:
        yield Reason(
            Rule.UNREADABLE,
            f"I can't read the annotations of the namespace {case.namespace}, which may forbid this, so I don't "
            "silence. Alertmanager itself can.",
        )
        return
    for sentence in case.narrowing.wrong:
        yield Reason(Rule.ANNOTATION, sentence)
    for where in case.narrowing.denying(Notice.SILENCE):
        yield Reason(Rule.ANNOTATION, f"The annotation fettle/deny of {where} takes silence away from me.")


def _lasting(case: Case) -> Iterator[Reason]:
    if case.lasting is None:
        return
    if case.lasting > case.longest:
        yield Reason(Rule.RATE, f"A silence lasts {_span(case.longest)} at most (SILENCE_MAX). Choose a shorter one.")
    elif case.lasting < SHORTEST:
        yield Reason(Rule.RATE, f"A silence lasts {_span(SHORTEST)} at least. Choose a longer one.")


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    return f"{minutes // 60} h" if minutes >= 60 and minutes % 60 == 0 else f"{minutes} min"
