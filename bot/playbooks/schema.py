"""What a playbook may say: frozen, every key typed, unknown ones refused. It is published as JSON Schema.

A playbook narrows and never widens what policy allows: namespaces, actions and approvers stay those of the settings.
Label values are data, never templates: nothing of an alert is ever put into a key of a playbook. Keys for which
nothing executes are not in it, such as leaving out checks that verification always makes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from bot.domain.finding import Cause, Finding
from bot.domain.measured import ThanBefore
from bot.domain.query import LogQuery, MetricQuery
from bot.domain.severity import Severity
from bot.playbooks import matcher
from bot.playbooks.fields import (
    ALERT,
    ONE_LINE,
    Address,
    CauseKey,
    Channel,
    Clock,
    Delay,
    ErrorLines,
    Expiry,
    Expr,
    Key,
    Line,
    LowSeverity,
    MatcherText,
    Name,
    Number,
    PagerService,
    Selector,
    SetSeverity,
    Settle,
    SeverityWord,
    SlackId,
    Window,
    Zone,
    asked,
    nearest,
)
from bot.playbooks.queries import STANDARD
from bot.playbooks.step import Guards, Part, Step
from bot.playbooks.words import MEASURED, ActionWord, Source

DEFAULT = "default"
"""The playbook for whatever no other one is for."""


class Match(Part):
    """Which alerts it is for: one of the names, all of the labels, one of the severities; what isn't said fits all."""

    alerts: tuple[Line, ...] = Field(
        default=(), max_length=200, description="Names of alerts; one of them has to be it."
    )
    labels: tuple[MatcherText, ...] = Field(
        default=(),
        max_length=50,
        description='Matchers as in Alertmanager, such as namespace=~"shop|pay"; all must hold.',
    )
    severity: tuple[SeverityWord, ...] = Field(
        default=(),
        description="Severities that the alert's labels say; the worst of the incident's has to be one of them.",
    )

    @cached_property
    def matchers(self) -> tuple[matcher.Matcher, ...]:
        """The labels as conditions."""
        return tuple(matcher.parse(text) for text in self.labels)

    def named(self, labels: Mapping[str, str]) -> bool:
        """Whether it is for alerts of this name."""
        return not self.alerts or labels.get("alertname", "") in self.alerts

    def mismatch(self, labels: Mapping[str, str], severity: Severity) -> str:
        """The first condition that these labels don't meet, as text; empty when they meet all."""
        if not self.named(labels):
            return f"alerts: {labels.get('alertname') or 'no name'} isn't among them"
        if missed := matcher.first_mismatch(self.matchers, labels):
            return f"labels: {missed}"
        if self.severity and severity.name not in self.severity:
            return f"severity: {severity.name} isn't among {', '.join(self.severity)}"
        return ""


class Query(Part):
    """A query of Prometheus of the playbook's own."""

    name: Key = Field(description="What findings and charts call it.")
    expr: Expr = Field(description='PromQL; places such as namespace="$namespace" inside quoted matchers only.')
    title: Annotated[str, Field(max_length=80)] = Field(default="", description="The heading of its chart.")
    unit: Literal["", "cores", "bytes", "seconds", "ratio", "per_second"] = Field(
        default="", description="Of its values."
    )
    window: Window = Field(default=timedelta(hours=1), description="How far back it goes, such as 6h; 0 for now alone.")


class Logs(Part):
    """What Loki is asked."""

    selector: Selector = Field(default=LogQuery.selector, description="A stream selector with places.")
    error: ErrorLines = Field(
        default=LogQuery.error, description="The regular expression (RE2) that makes a line an error."
    )


class PlaybookGuards(Guards):
    """The same for every mitigation of the playbook, and those that it never proposes."""

    deny: tuple[ActionWord, ...] = Field(default=(), description="Mitigations that are never proposed.")


class Quiet(Part):
    """Hours in which incidents of low severity stand in the digest; what is open when they end gets its card."""

    since: Clock = Field(alias="from", description="When they begin, such as 22:00.")
    until: Clock = Field(alias="to", description="When they end, such as 07:00; the next day if earlier.")
    zone: Zone = Field(description="The IANA zone, such as Europe/Berlin.")
    severities: tuple[LowSeverity, ...] = Field(
        default=("SEV3", "SEV4"), description="Severities that are kept quiet: SEV3, SEV4 or both."
    )

    @model_validator(mode="after")
    def _some_hours(self) -> Quiet:
        if self.since == self.until:
            raise ValueError("from and to are the same: name when the quiet hours begin and when they end")
        return self


class Routing(Part):
    """Where its incidents go, beside what the settings say."""

    channels: tuple[Channel, ...] = Field(
        default=(),
        max_length=10,
        description="Channel ids: the first is the card's, the others get a line that leads to it.",
    )
    mentions: tuple[SlackId, ...] = Field(
        default=(), max_length=20, description="Slack ids that are mentioned once, in the thread of the card."
    )
    pagerduty: PagerService | None = Field(
        default=None, description="The name of a PagerDuty service of the settings; never its key."
    )
    quiet: Quiet | None = Field(default=None, description="Hours without noise for low severities.")


class Alone(Part):
    """That Fettle may do by itself what it proposes; AUTONOMY_ACTIONS has to name the action as well."""

    hourly: Annotated[int, Field(ge=1, le=10, strict=True)] = Field(
        description="How often within an hour, by this playbook, on all targets together."
    )
    delay: Delay = Field(
        default=timedelta(seconds=60),
        description="From the message in the thread to the act; so long anybody may stop it.",
    )


class Approval(Part):
    """Who may approve what it proposes, and for how long; narrower than the settings, but for ``none``."""

    approvers: tuple[SlackId, ...] = Field(
        default=(), max_length=50, description="Slack ids; whoever approves must be among these and in APPROVERS."
    )
    expires: Expiry | None = Field(default=None, description="How long it may be approved; at most APPROVAL_TTL.")
    quorum: Annotated[int, Field(ge=1, le=5, strict=True)] = Field(
        default=1, description="How many different people have to approve."
    )
    none: Alone | None = Field(
        default=None,
        description="Fettle does it by itself after a delay, if the settings let it. Widens.",
    )

    @model_validator(mode="after")
    def _enough_people(self) -> Approval:
        people = set(self.approvers)
        if people and not any(one.startswith("S") for one in people) and len(people) < self.quorum:
            raise ValueError(f"{self.quorum} people have to approve, and approvers names {len(people)}")
        if self.none is not None and self.quorum > 1:
            raise ValueError(f"none lets it act with nobody, and quorum wants {self.quorum} people: leave one out")
        if self.none is not None and self.expires is not None and self.none.delay >= self.expires:
            raise ValueError("the delay of none isn't shorter than expires, so that it would never act")
        return self


class Measure(Part):
    """A number that is judged after a mitigation; without one of the comparisons it would say nothing."""

    query: Key = Field(description="A query of this playbook, or a built-in one of workloads such as errors.")
    below: Number | None = Field(default=None, description="It has to be below this.")
    above: Number | None = Field(default=None, description="It has to be above this; higher is then better.")
    than_before: ThanBefore | None = Field(
        default=None, description="It has to be better, or no_worse, than before the action."
    )
    samples: Annotated[int, Field(ge=1, le=20, strict=True)] = Field(
        default=3, description="Good samples in a row, 15 s or more between them."
    )
    settle: Settle = Field(
        default=timedelta(minutes=5),
        description="From the end of the rollout to the first sample; at least as long as the query's rates look back.",
    )
    min_traffic: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Requests a second (the query traffic) below which it isn't judged."
    )

    @model_validator(mode="after")
    def _says_something(self) -> Measure:
        if self.below is None and self.above is None and self.than_before is None:
            raise ValueError("write below, above or than_before: a number alone says nothing")
        return self


class Checks(Part):
    """What is judged after a mitigation beside the rollout, the restarts and the alert; it can only add."""

    metrics: tuple[Measure, ...] = Field(default=(), max_length=5, description="Numbers from Prometheus.")


class Link(Part):
    """A link on the card; fixed, nothing is filled in."""

    title: Annotated[str, Field(min_length=1, max_length=40, pattern=ONE_LINE)] = Field(description="What it says.")
    url: Address = Field(description="Where it leads.")


class Playbook(Part):
    """One playbook, one file."""

    name: Name = Field(description="Its name and its file's; a folder's own replaces the built-in one of that name.")
    title: Line = Field(description="What it is about, in a few words.")
    priority: Annotated[int, Field(ge=-100, le=100, strict=True)] = Field(
        default=0, description="Larger ones are asked first; within one priority the more specific match wins."
    )
    match: Match = Field(default=Match(), description="Which alerts it is for.")
    evidence: tuple[Source, ...] = Field(min_length=1, description="What is collected.")
    queries: tuple[Annotated[Query, asked], ...] = Field(
        default=(), max_length=20, description="What Prometheus is asked: names or queries."
    )
    logs: Logs | None = Field(default=None, description="What Loki is asked.")
    findings: Mapping[CauseKey, tuple[Step, ...]] = Field(
        default_factory=dict,
        description="By cause, or cause/detail: the mitigations that may be proposed, as far as the finding suggests "
        "them and in its order. A cause that isn't named, or has none, leads to no proposal.",
    )
    guards: PlaybookGuards = Field(default=PlaybookGuards(), description="When nothing is proposed.")
    severity: SetSeverity | None = Field(
        default=None, description="Instead of what the alert's labels say; SEV1 takes P0, and what is P0 stays SEV1."
    )
    routing: Routing = Field(default=Routing(), description="Where its incidents go.")
    approval: Approval = Field(default=Approval(), description="Who may approve, and for how long.")
    verification: Checks = Field(default=Checks(), description="What is judged after a mitigation, beside the rest.")
    links: tuple[Link, ...] = Field(default=(), max_length=5, description="Links on the card.")

    @model_validator(mode="after")
    def _asked_where(self) -> Playbook:
        if self.queries and "metrics" not in self.evidence:
            raise ValueError("queries are asked by the evidence metrics: add metrics to evidence")
        if self.logs and "log_errors" not in self.evidence:
            raise ValueError("logs are asked by the evidence log_errors: add log_errors to evidence")
        known = {*MEASURED, *(query.name for query in self.queries if query.expr.strip() != ALERT)}
        for check in self.verification.metrics:
            if check.query not in known:
                near = nearest(check.query, sorted(known))
                raise ValueError(f"verification: “{check.query}” is no query that can be measured{near}")
        measured = [check.query for check in self.verification.metrics]
        if len(set(measured)) != len(measured):
            raise ValueError("verification: a query is measured twice")
        names = [query.name for query in self.queries]
        if len(set(names)) != len(names):
            raise ValueError("two queries have the same name")
        if self.name == DEFAULT and (self.match != Match() or self.priority):
            raise ValueError("the default is for whatever no other playbook is for: leave match and priority out")
        return self

    def metric_queries(self) -> tuple[MetricQuery, ...]:
        """What Prometheus is asked, as the collector takes it."""
        return tuple(MetricQuery(one.name, one.expr, one.title, one.unit, one.window) for one in self.queries)

    def log_query(self) -> LogQuery:
        """What Loki is asked, as the collector takes it."""
        return LogQuery(self.logs.selector, self.logs.error) if self.logs else LogQuery()

    def steps(self, finding: Finding) -> tuple[Step, ...] | None:
        """What this finding may lead to; None when the playbook doesn't name its cause."""
        if finding.detail and (found := self.findings.get(f"{finding.cause}/{finding.detail}")) is not None:
            return found
        return self.findings.get(finding.cause.value)

    def all_steps(self) -> Iterator[tuple[str, Step]]:
        """Every (cause, mitigation) of it."""
        return ((cause, step) for cause, steps in self.findings.items() for step in steps)

    def actions(self) -> list[str]:
        """What it may propose at all, by name."""
        named = {word for _, step in self.all_steps() for word in (step.action, *(one.action for one in step.then))}
        return sorted(named - set(self.guards.deny))

    def content(self) -> dict[str, Any]:
        """What it says, as JSON without what it leaves out; the input of hashes and diffs."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


SOURCES: tuple[str, ...] = get_args(Source)
ACTIONS: tuple[str, ...] = get_args(ActionWord)


def json_schema() -> dict[str, Any]:
    """The published schema, for editors and checks; what it can't say (matchers, places, zones) the loader says."""
    made = Playbook.model_json_schema(by_alias=True)
    findings, queries = made["properties"]["findings"], made["properties"]["queries"]
    steps = findings["additionalProperties"]
    steps["items"] = {"anyOf": [{"enum": list(ACTIONS)}, steps["items"]]}
    then = made["$defs"]["Step"]["properties"]["then"]
    then["items"] = {"anyOf": [{"enum": list(ACTIONS)}, then["items"]]}
    findings["propertyNames"] = {"pattern": f"^({'|'.join(Cause)})(/.*)?$", "maxLength": 120}
    queries["items"] = {"anyOf": [{"enum": list(STANDARD)}, queries["items"]]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made, "title": "A Fettle playbook"}
