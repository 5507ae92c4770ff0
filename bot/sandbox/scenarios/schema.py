"""What a scenario file may say. Unknown keys, unknown steps and steps with two verbs are refused with the file's name.

It refuses to run anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from bot.sandbox.breakages.every import BREAKAGES, ROOMS
from bot.sandbox.scenarios import spans
from bot.sandbox.scenarios.fault_step import Fault
from bot.sandbox.scenarios.groups import GROUPS
from bot.sandbox.scenarios.mistakes import EMPTY, NO_MAPPING, sentences, unread
from bot.sandbox.scenarios.present import absent
from bot.sandbox.scenarios.talk_step import Post, React, Shortcut

FOLDER = Path(__file__).parent


class ScenarioError(ValueError):
    """A scenario file that says something else than it may; the message names the file and the place."""


def _many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _known(words: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [word for word in words if word not in BREAKAGES and word not in ROOMS]
    if unknown:
        raise ValueError(f"there is no breakage {unknown[0]}")
    return words


def _group(word: str) -> str:
    if word not in GROUPS:
        raise ValueError(f"there is no group {word}, there are {', '.join(filter(None, GROUPS))}")
    return word


Words = Annotated[tuple[str, ...], BeforeValidator(_many)]
Breakages = Annotated[Words, AfterValidator(_known)]
Seconds = Annotated[float, Field(gt=0, le=120)]
Span = Annotated[float, BeforeValidator(spans.seconds), Field(gt=0, le=3600)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Fire(_Part):
    """One alert; of a rule about pods, one for each pod of the workload that isn't ready."""

    alert: str
    workload: str = ""
    labels: Mapping[str, str] = Field(default_factory=dict)


class Storm(_Part):
    """So many alerts over so many groups, as fast as they are taken."""

    alerts: int
    groups: int


class Trouble(_Part):
    """``crash``: running pods start to crash loop; ``break``: pods created from now on behave so."""

    workload: str
    how: Literal["crash", "oom", "image-missing", "config-error", "not-ready", "slow"] = "crash"
    pods: int = 1


class Jvm(_Part):
    """Each pod of the workload runs a stand-in for a JVM, which jcmd can ask; a ``silent`` one doesn't answer."""

    workload: str
    silent: bool = False


class Pprof(_Part):
    """Each pod of the workload answers on this port as the pprof of a Go program does."""

    workload: str
    port: int = Field(6060, ge=1, le=65535)


class Change(_Part):
    """Somebody else rolls out another image."""

    workload: str
    image: str


class Apply(_Part):
    """Somebody applies a manifest."""

    manifest: Mapping[str, Any]


class Annotate(_Part):
    """Somebody writes ``fettle/...`` on a workload, or on a whole namespace; a null takes it away."""

    kind: str = "Deployment"
    workload: str = ""
    namespace: str = ""
    notes: Mapping[str, str | None]

    @model_validator(mode="after")
    def _one_place(self) -> Annotate:
        if bool(self.workload) == bool(self.namespace):
            raise ValueError("annotate names a workload or a namespace, one of them")
        return self


class Bind(_Part):
    """Somebody gives a person's cluster user a role in a namespace, or takes it away again (no ``rules``)."""

    user: str
    namespace: str
    rules: tuple[Mapping[str, tuple[str, ...]], ...] = ()


class ExpectCard(_Part):
    """The card says so within the time. ``new`` takes another card than the one looked at so far."""

    containing: Words = ()
    without: Words = ()
    buttons: Words = ()
    no_buttons: Words = ()
    within: Seconds = 15
    new: bool = False


class Press(_Part):
    """A button by its first words, by one person or by several at the same moment.

    ``unheard``: it reaches nobody, and Slack says so to whoever pressed.
    """

    button: str
    by: Words
    unheard: bool = False


class Submit(_Part):
    """The modal in front of a person, inputs named by the first words of their labels."""

    by: str
    values: Mapping[str, Any] = Field(default_factory=dict)
    containing: Words = ()


class ViewShown(_Part):
    """The modal in front of a person says so; it is closed afterwards."""

    by: str
    containing: Words = ()
    within: Seconds = 8


class Slash(_Part):
    """A slash command as typed."""

    by: str
    line: str


class Told(_Part):
    """A message that one person alone sees."""

    to: str
    containing: Words
    within: Seconds = 8


class Thread(_Part):
    """What the card's thread says."""

    containing: Words
    within: Seconds = 15


class ExpectCluster(_Part):
    """What the cluster's own log and objects say: writes of the bot that weren't dry runs, pods that are ready."""

    workload: str
    writes: int | None = None
    ready: int | None = None
    restarted: bool | None = None
    within: Seconds = 15


class ExpectSilences(_Part):
    """How many silences Alertmanager has in force, and how often it was asked for one."""

    active: int
    posted: int | None = None
    matching: Words = ()
    within: Seconds = 15


class ExpectObject(_Part):
    """One object of the cluster, or a selected one of its kind: words of its JSON, or that it is gone."""

    kind: str
    namespace: str = ""
    name: str = ""
    containing: Words = ()
    gone: bool = False
    within: Seconds = 15


class Bot(_Part):
    """What is done to the process; ``exit`` is the code it must end with."""

    do: Literal["stop", "kill", "start"]
    exit: int | None = None


class Fettle(_Part):
    """The bot's own command line beside it."""

    line: str
    exit: int = 0
    containing: Words = ()


class ExpectSockets(_Part):
    """So many connections of the bot are open at Slack."""

    count: int
    within: Seconds = 40


class ExpectAudit(_Part):
    """Words in the audit's table, and how often a tag stands there."""

    containing: Words = ()
    counts: Mapping[str, int] = Field(default_factory=dict)
    within: Seconds = 10


class ExpectCards(_Part):
    """How many cards there are, and that everything accepted is on a card or in the digest."""

    count: int | None = None
    digest: bool = False
    within: Seconds = 30


class Tell(_Part):
    """The alerts of what is broken, so many at a time; each card must name the cause first and what helps."""

    at_once: int = Field(2, ge=1, le=10)
    within: Seconds = 30


class Step(_Part):
    """One verb."""

    say: str | None = None
    fire: Fire | None = None
    resolve: str | None = None
    storm: Storm | None = None
    crash: Trouble | None = None
    break_next: Trouble | None = None
    heal: str | None = None
    jvm: Jvm | None = None
    pprof: Pprof | None = None
    change: Change | None = None
    apply: Apply | None = None
    annotate: Annotate | None = None
    bind: Bind | None = None
    kubectl_restart: str | None = None
    expect_card: ExpectCard | None = None
    expect_cards: ExpectCards | None = None
    press: Press | None = None
    submit: Submit | None = None
    view: ViewShown | None = None
    slash: Slash | None = None
    post: Post | None = None
    react: React | None = None
    shortcut: Shortcut | None = None
    told: Told | None = None
    thread: Thread | None = None
    expect_cluster: ExpectCluster | None = None
    expect_object: ExpectObject | None = None
    expect_audit: ExpectAudit | None = None
    expect_silences: ExpectSilences | None = None
    expect_sockets: ExpectSockets | None = None
    bot: Bot | None = None
    fault: Fault | None = None
    clear_faults: bool | None = None
    fettle: Fettle | None = None
    tell: Tell | None = None
    wait: Seconds | None = None
    advance: Span | None = None

    @model_validator(mode="after")
    def _one_verb(self) -> Step:
        if len(self.model_fields_set) != 1:
            raise ValueError(f"a step has exactly one verb, this one has: {', '.join(sorted(self.model_fields_set))}")
        return self

    @property
    def verb(self) -> str:
        """Its only key."""
        return next(iter(self.model_fields_set))


class Scenario(_Part):
    """A whole scenario. ``settings`` win over the sandbox's; ``members`` join the channel before the start.

    ``ready_after`` and ``progress_deadline`` are the cluster's, in seconds. ``broken`` are breakages that have happened
    when the bot starts, each in a namespace of its name; a word may stand for a room of them. A Prometheus measures.
    ``images`` are tags of repositories in a registry, ``{registry}`` in the name of an image
    and in settings.
    ``silences`` lets Alertmanager be asked and silenced. ``group`` and ``order`` are its place in the list.
    ``silences`` lets Alertmanager be asked and silenced. With ``production_times`` the bot keeps its own times and
    limits instead of the sandbox's short ones, and ``advance`` lets time pass.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    settings: Mapping[str, str] = Field(default_factory=dict)
    members: Words = ()
    ready_after: Seconds = 0.5
    progress_deadline: int = Field(600, ge=2)
    broken: Breakages = ()
    images: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    silences: bool = False
    group: Annotated[str, AfterValidator(_group)] = ""
    order: int = 100
    production_times: bool = False
    steps: tuple[Step, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _whose_time(self) -> Scenario:
        if not self.production_times and any(step.verb == "advance" for step in self.steps):
            raise ValueError("advance lets the time of a bot with production times pass: say production_times: true")
        return self

    @property
    def room(self) -> bool:
        """Whether it tells of all that is broken, each on a card of its own."""
        return any(step.verb == "tell" for step in self.steps)


def _refused(path: Path, sentences: Sequence[str]) -> ScenarioError:
    return ScenarioError("\n".join(f"{path.name}: {one}" for one in sentences))


def load(path: Path) -> Scenario:
    """Read one file; ``ScenarioError`` says what is wrong in it."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ScenarioError(f"{path.name}: {EMPTY if found is None else NO_MAPPING}")
        scenario = Scenario.model_validate(found)
    except OSError as error:
        raise ScenarioError(f"{path} can't be read: {error.strerror}.") from error
    except ValidationError as error:
        keys = Scenario.model_fields, Step.model_fields
        raise _refused(path, sentences(error.errors(include_url=False), *keys)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path.name} is no YAML: {unread(error)}") from error
    if scenario.name != path.stem:
        fitting = f"{scenario.name}{path.suffix}"
        raise ScenarioError(f"{path.name}: its name is {scenario.name}, so it must lie in {fitting}.")
    steps = [(step.verb, getattr(step, step.verb)) for step in scenario.steps]
    if missing := absent(steps, scenario.members, scenario.broken):
        raise _refused(path, missing)
    return scenario


def of_breakage(name: str) -> Scenario:
    """The scenario of one breakage: its alert, and what its card has to say."""
    told = {"name": name, "title": BREAKAGES[name].title, "broken": name, "steps": [{"tell": {}}]}
    return Scenario.model_validate(told)


def load_all(folder: Path = FOLDER) -> dict[str, Scenario]:
    """Every scenario of the folder by its name."""
    return {path.stem: load(path) for path in sorted(folder.glob("*.yaml"))}
