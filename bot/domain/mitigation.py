"""Mitigations: the closed list of actions, and what a preview hands to the person and to the execution."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bot.domain.execution import WriteRequest
from bot.domain.target import RESTARTABLE

SCALABLE = ("Deployment", "StatefulSet")
"""Kinds with a number of replicas of their own."""


class Action(StrEnum):
    """Every verb that Fettle can carry out; ``ALLOWED_ACTIONS`` takes these words."""

    RESTART = "restart"
    ROLLBACK = "rollback"
    SET_IMAGE = "set_image"
    PAUSE = "pause"
    RESUME = "resume"
    SCALE = "scale"
    RAISE_AUTOSCALER = "raise_autoscaler"
    EVICT = "evict"
    THREAD_DUMP = "thread_dump"
    HEAP_DUMP = "heap_dump"
    DEBUG_THREAD_DUMP = "debug_thread_dump"
    DEBUG_HEAP_DUMP = "debug_heap_dump"
    GOROUTINE_DUMP = "goroutine_dump"
    HEAP_PROFILE = "heap_profile"
    RERUN_JOB = "rerun_job"
    DELETE_FAILED_JOB = "delete_failed_job"
    EXPAND_VOLUME = "expand_volume"
    CORDON = "cordon"
    UNCORDON = "uncordon"


@dataclass(frozen=True)
class Traits:
    """What the guards have to know of an action; the defaults deny.

    ``kinds`` are those of the targets that it fits. ``role`` is the shipped role that grants it, ``right`` completes "I
    may not ..." and ``does`` completes "I don't ... a Job"; ``noun`` stands after an article ("a restart").
    ``changes`` is the parameter that a person may change before approving, ``keeps`` those that go with it.
    ``kept`` says that whoever keeps the workload as it is written in Git or a chart would take it back.
    ``rolling_out``, ``paused``, ``empty`` and ``on_delete`` let it be done to a workload that is in that state;
    ``hung_on_image`` to one whose rollout hangs on the very image that it replaces (``policy.hung``), ``sizes`` to one
    that is only short of pods (``policy.short``).
    ``looks`` says that it only looks and helps nothing: it waits for no other effect, and none waits for it.
    ``least`` is how many people must approve at least, whatever settings and playbooks say.
    """

    kinds: tuple[str, ...] = ()
    role: str = "fettle-patch"
    right: str = "do this"
    does: str = "do this to"
    noun: str = "change"
    kept: bool = False
    changes: str = ""
    keeps: tuple[str, ...] = ()
    rolling_out: bool = False
    paused: bool = False
    empty: bool = False
    on_delete: bool = False
    hung_on_image: bool = False
    sizes: bool = False
    works_paused: bool = False
    """It would have its effect on a paused workload, and is refused there so that two don't work at once."""
    autoscaled: bool = True
    """Fit for a workload whose size an autoscaler sets."""
    looks: bool = False
    least: int = 1


def _dump(role: str, right: str, noun: str, way: str = "") -> Traits:
    """A dump that goes another way than by a command in the container itself."""
    return Traits(
        RESTARTABLE,
        role=role,
        right=right,
        does=f"take a {noun} {way or 'of'}",
        noun=f"debug container and {noun}" if way else noun,
        rolling_out=True,
        paused=True,
        on_delete=True,
        looks=True,
    )


_ADDS, _BESIDE = "add debug containers", "from a debug container in"

TRAITS: Mapping[Action, Traits] = {
    Action.RESTART: Traits(RESTARTABLE, right="restart workloads", does="restart", noun="restart"),
    # It ends a rollout that goes wrong, so one under way doesn't stand against it.
    Action.ROLLBACK: Traits(
        RESTARTABLE,
        right="roll back workloads",
        does="roll back",
        noun="rollback",
        kept=True,
        rolling_out=True,
        changes="revision",
    ),
    Action.SET_IMAGE: Traits(
        RESTARTABLE,
        right="set images of workloads",
        does="set an image of",
        noun="change of image",
        changes="tag",
        keeps=("container",),
        kept=True,
        hung_on_image=True,
    ),
    # Whether it is paused already is the plan's to say: both are about that very state.
    Action.PAUSE: Traits(
        ("Deployment",), right="pause rollouts", does="pause", noun="pause", rolling_out=True, paused=True
    ),
    Action.RESUME: Traits(
        ("Deployment",), right="resume rollouts", does="resume", noun="resume", rolling_out=True, paused=True
    ),
    Action.SCALE: Traits(
        SCALABLE,
        role="fettle-scale",
        right="scale workloads",
        does="scale",
        noun="scaling",
        changes="replicas",
        kept=True,
        empty=True,
        on_delete=True,
        works_paused=True,
        autoscaled=False,
        sizes=True,
    ),
    # A rollout goes on within the new bounds, and the count is the autoscaler's to set.
    Action.RAISE_AUTOSCALER: Traits(
        SCALABLE,
        role="fettle-scale",
        right="change autoscalers",
        does="change the autoscaler of",
        noun="change of bounds",
        changes="bounds",
        kept=True,
        rolling_out=True,
        paused=True,
        on_delete=True,
    ),
    # One pod at a time helps whatever the workload is in the middle of; its controller replaces it in each case.
    Action.EVICT: Traits(
        RESTARTABLE,
        role="fettle-evict",
        right="evict pods",
        does="evict",
        noun="eviction",
        changes="pod",
        rolling_out=True,
        paused=True,
        on_delete=True,
    ),
    Action.THREAD_DUMP: Traits(
        RESTARTABLE,
        role="fettle-exec",
        right="run commands in containers",
        does="take a thread dump of",
        noun="thread dump",
        rolling_out=True,
        paused=True,
        on_delete=True,
        looks=True,
    ),
    Action.HEAP_DUMP: Traits(
        RESTARTABLE,
        role="fettle-exec",
        right="run commands in containers",
        does="take a heap dump of",
        noun="heap dump",
        rolling_out=True,
        paused=True,
        on_delete=True,
        looks=True,
    ),
    Action.DEBUG_THREAD_DUMP: _dump("fettle-debug", _ADDS, "thread dump", _BESIDE),
    Action.DEBUG_HEAP_DUMP: _dump("fettle-debug", _ADDS, "heap dump", _BESIDE),
    Action.GOROUTINE_DUMP: _dump("fettle-pprof", "ask ports of pods", "goroutine dump"),
    Action.HEAP_PROFILE: _dump("fettle-pprof", "ask ports of pods", "heap profile"),
    Action.RERUN_JOB: Traits(("CronJob", "Job"), role="fettle-rerun", right="create jobs", does="rerun", noun="run"),
    Action.DELETE_FAILED_JOB: Traits(
        ("Job",), role="fettle-delete-job", right="delete jobs", does="delete", noun="deletion"
    ),
    # What is larger stays so, and is paid for.
    Action.EXPAND_VOLUME: Traits(
        ("PersistentVolumeClaim",),
        role="fettle-expand",
        right="patch persistentvolumeclaims",
        does="expand",
        noun="larger volume",
        changes="size",
        keeps=("claim",),
        least=2,
    ),
    Action.CORDON: Traits(("Node",), role="fettle-cordon", right="cordon nodes", does="cordon", noun="cordon"),
    Action.UNCORDON: Traits(("Node",), role="fettle-cordon", right="uncordon nodes", does="uncordon", noun="uncordon"),
}
"""Every action's; a test holds that none is missing and that the kinds are those of its rights."""


def traits_of(action: str) -> Traits:
    """An action's traits by its word; of a word that is none, those that deny."""
    return TRAITS[Action(action)] if action in set(Action) else Traits()


class Notice(StrEnum):
    """What changes whom Alertmanager notifies, and no cluster; ``ALLOWED_ACTIONS`` takes these words too."""

    SILENCE = "silence"


def on_cluster(actions: Iterable[Action | Notice]) -> tuple[Action, ...]:
    """Those of them that change a cluster."""
    return tuple(one for one in actions if isinstance(one, Action))


def against_steps(actions: Sequence[str]) -> str:
    """Why these can't be the steps of one proposal, a clause; empty where they can.

    What changes the target is the last of them: what would come after it would act on something that nobody was shown.
    """
    strange = next((one for one in actions if one not in set(Action)), "")
    if strange:
        return f"Fettle can't do {strange}"
    changing = next((one for one in actions[:-1] if not traits_of(one).looks), "")
    if changing:
        looking = " or ".join(str(one) for one, of in TRAITS.items() if of.looks)
        return (
            f"{changing} changes something, and what follows a change needs an approval of its own; only {looking} "
            "may have something after it"
        )
    if len(set(actions)) < len(actions):
        return f"{actions[-1]} stands there twice"
    kinds = set(traits_of(actions[0]).kinds).intersection(*(traits_of(one).kinds for one in actions))
    return "" if kinds else f"{' and '.join(actions)} aren't about the same object"


def noun_of(action: str) -> str:
    """``a restart``, ``an eviction``."""
    noun = traits_of(action).noun
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


@dataclass(frozen=True)
class Preview:
    """What would happen, as the API server itself answered the dry run.

    ``request`` is the exact request for the given approval time and execution uid; ``diff`` lines are plain text;
    ``problem`` is a sentence when the dry run was refused (then there is nothing to approve); ``passing`` says that it
    wasn't answered, so that another try may go well.
    """

    request: WriteRequest
    diff: str
    facts: str
    consequence: str
    warnings: tuple[str, ...] = ()
    problem: str = ""
    passing: bool = False
    rights: Mapping[str, bool] = field(default_factory=dict)
