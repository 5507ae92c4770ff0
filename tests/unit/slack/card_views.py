"""Views for card tests: one builder for each state, so that a test changes only what it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.evidence import Evidence, EvidenceStatus
from bot.domain.execution import Execution, ExecutionState, Standing
from bot.domain.finding import Cause, Cite, Confidence, Finding, Suggestion
from bot.domain.home import Home
from bot.domain.incident import Incident, IncidentState
from bot.domain.proposal import Proposal, ProposalState, ProposalText
from bot.domain.severity import Severity
from bot.domain.silence import Silence, SilencePreview, SilenceState
from bot.domain.target import Target
from bot.domain.verification import Check, CheckState, Verdict, Verification
from bot.slack.cards import AlertFacts, CardView

NOW = datetime(2026, 11, 21, 3, 14, tzinfo=UTC)
OPENED = NOW - timedelta(minutes=7)
API = Target("Deployment", "shop", "api", "uid-1")
WEB = Target("Deployment", "shop", "web", "uid-2")


def incident(**changes: Any) -> Incident:
    given = {
        "id": 42,
        "key": "k",
        "title": "KubePodCrashLooping",
        "alertname": "KubePodCrashLooping",
        "namespace": "shop",
        "state": IncidentState.TRIGGERED,
        "severity": Severity.SEV2,
        "opened_at": OPENED,
        "episode_at": OPENED,
        "updated_at": NOW,
        "target": API,
        "alerts_firing": 3,
        "alerts_total": 3,
        "channel": "C0ONCALL",
        "investigated_at": NOW,
    }
    return Incident(**{**given, **changes})


def proposal(state: ProposalState = ProposalState.PENDING, **changes: Any) -> Proposal:
    text = ProposalText(
        headline="Restart Deployment shop/api",
        done="Restarted shop/api",
        facts="6 replicas, 25 % at a time · no HPA · dry run ok",
        consequence="Restarts 6 pods of shop/api, 25 % at a time.",
        diff="+ kubectl.kubernetes.io/restartedAt",
        rationale="3 of 6 pods crash and no template change is recent.",
        warnings=("Single replica: shop/api is down while it restarts.",),
    )
    given = {
        "id": 12,
        "incident_id": 42,
        "action": "restart",
        "target": API,
        "params": {},
        "digest": "d",
        "state": state,
        "text": text,
        "requested_by": "fettle",
        "created_at": NOW,
        "expires_at": NOW + timedelta(minutes=15),
        "approvers": ("U0ANA", "S0SRE"),
    }
    return Proposal(**{**given, **changes})


def execution(state: ExecutionState = ExecutionState.RUNNING, **changes: Any) -> Execution:
    given = {
        "id": 5,
        "uid": "x-5",
        "proposal_id": 12,
        "incident_id": 42,
        "target": API,
        "action": "restart",
        "state": state,
        "created_at": NOW,
        "approved_at": NOW,
        "approved_by": "person:1",
    }
    return Execution(**{**given, **changes})


CHECKS = (
    Check("rollout", CheckState.GOOD, "6/6 available", "6/6 available", NOW),
    Check("restarts", CheckState.BAD, "none for 2 min", "2 restarts of new pods", NOW),
    Check("metrics", CheckState.UNMEASURED, "", "Prometheus answered no data", NOW, required=False),
    Check("alert state", CheckState.ABSENT, "", "", NOW, required=False),
)


def verification(verdict: Verdict = Verdict.MEASURING, **changes: Any) -> Verification:
    given = {
        "id": 8,
        "execution_id": 5,
        "incident_id": 42,
        "target": API,
        "verdict": verdict,
        "current": True,
        "started_at": NOW,
        "deadline": NOW + timedelta(minutes=10),
        "soak": 120,
        "checks": CHECKS,
        "progress": {"desired": 6, "updated": 4, "ready": 4, "available": 4},
        "settled_at": None if verdict is Verdict.MEASURING else NOW,
    }
    return Verification(**{**given, **changes})


MATCHERS = ('alertname="KubePodCrashLooping"', 'namespace="shop"', 'pod=~"api-0|api-1"')
PREVIEW = SilencePreview(
    42, "INC-42", matchers=MATCHERS, own=3, firing=3, warnings=("Alerts of pods that come later are not covered.",),
    longest=timedelta(hours=4), digest="d" * 64,
)  # fmt: skip


def silence(state: SilenceState = SilenceState.ACTIVE, **changes: Any) -> Silence:
    checks = (
        Check("silence", CheckState.GOOD, "active until 04:14:00 UTC", "active until 04:14:00 UTC", NOW),
        Check("alerts", CheckState.GOOD, "3 of 3 quiet", "3 of 3 quiet", NOW),
    )
    given = {
        "id": 3,
        "uid": "s-3",
        "incident_id": 42,
        "state": state,
        "requested_by": "person:1",
        "matchers": ({"name": "namespace", "value": "shop", "isRegex": False, "isEqual": True},),
        "comment": "deploying <!channel>",
        "created_at": NOW,
        "ends_at": NOW + timedelta(hours=1),
        "ids": ("a-1",),
        "verdict": Verdict.PASS,
        "checks": checks,
        "outcome": "set",
    }
    return Silence(**{**given, **changes})


PODS = Evidence(
    "pods",
    EvidenceStatus.OK,
    "3 of 6 pods crash-loop, last exit Error 1",
    NOW,
    {
        "pods": [
            {
                "name": f"api-7c9f4d-{n:05d}",
                "phase": "Running",
                "ready": n > 2,
                "restarts": 5 if n < 3 else 0,
                "waiting": "CrashLoopBackOff" if n < 3 else "",
                "terminated": "Error" if n < 3 else "",
                "exit_code": 1 if n < 3 else None,
                "node": "node-a",
                "created_at": "2026-11-21T03:00:12Z",
            }
            for n in range(6)
        ]
    },
)
EVENTS = Evidence("events", EvidenceStatus.FAILED, "", NOW, problem="timed out after 8 s")


def view(**changes: Any) -> CardView:
    given: dict[str, Any] = {
        "incident": incident(),
        "now": NOW,
        "alerts": AlertFacts(
            ("KubePodCrashLooping",),
            "Pod shop/api is restarting 0.9 times / 5 minutes",
            "https://runbooks.example.com/crash",
            "http://prometheus.example.com/graph?g0.expr=a|b",
            "https://alertmanager.example.com/",
        ),
        "evidence": (PODS, EVENTS),
        "people": {"person:1": "U0ANA", "person:2": "U0BO"},
    }
    return CardView(**{**given, **changes})


OPERATOR = "Rollout shop/api owns these pods; Fettle doesn't act on it."


def nothing(why: str, **changes: Any) -> CardView:
    """A card whose record only says why nothing is proposed."""
    record = proposal(ProposalState.RECORDED, action="none", text=ProposalText("No proposal", "", refusal=why))
    return view(incident=incident(**changes), proposals=(record,))


def running(**changes: Any) -> CardView:
    return view(
        incident=incident(state=IncidentState.MITIGATING),
        proposals=(proposal(ProposalState.APPROVED),),
        execution=execution(),
        verification=verification(),
        **changes,
    )


def judged(verdict: Verdict, state: IncidentState = IncidentState.ACKNOWLEDGED, **changes: Any) -> CardView:
    return view(
        incident=incident(state=state, **changes),
        proposals=(proposal(ProposalState.APPROVED),),
        execution=execution(ExecutionState.SUCCEEDED),
        verification=verification(verdict),
    )


def _resolved() -> CardView:
    done = judged(Verdict.PASS)
    closed = incident(
        state=IncidentState.RESOLVED, resolved_at=NOW + timedelta(minutes=20), resolution="alerts_cleared"
    )
    return view(incident=closed, proposals=done.proposals, execution=done.execution, verification=done.verification)


ROLLOUT = Finding(
    Cause.BAD_ROLLOUT,
    "The rollout of 03:00 UTC (rev 41 → 42, api:1.4.2, by kim with kubectl) crashes at start: exit 1, "
    "KeyError: 'DB_URL'.",
    Confidence.HIGH,
    (Cite("changes", "rev 42 at 03:00:12"), Cite("logs", "KeyError: 'DB_URL' in 3 of 3 new pods")),
    basis="first crash 40 s after the rollout, rev 41 pods are healthy",
    suggestions=(
        Suggestion("rollback", {"revision": "41"}, "rev 41 ran well", "kubectl rollout undo deployment/api -n shop"),
    ),
)
DEPENDENCY = Finding(
    Cause.DEPENDENCY_DOWN, "The database db:5432 refuses connections.", Confidence.LOW, (Cite("logs", "refused"),),
    doubt="only one pod says so",
)  # fmt: skip
CHANGES = Evidence(
    "changes",
    EvidenceStatus.OK,
    "rev 42, 14 min ago",
    NOW,
    {
        "changes": [
            {
                "kind": "template", "what": "image api:1.4.1 → 1.4.2; env: DB_URL gone", "at": "2026-11-21T03:00:12Z",
                "by": "kim with kubectl", "revision": "42", "diff": ["- image: api:1.4.1", "+ image: api:1.4.2"],
            }
        ]
    },
)  # fmt: skip


STATES: dict[str, Callable[[], CardView]] = {
    "collecting": lambda: view(incident=incident(investigated_at=None, target=None), evidence=()),
    "proposed": lambda: view(proposals=(proposal(),)),
    "changeable": lambda: view(proposals=(proposal(action="rollback", params={"revision": "41"}),)),
    "ruled": lambda: view(
        proposals=(
            proposal(
                text=ProposalText(
                    "Restart Deployment shop/api", "Restarted shop/api", rules=("prod-restart",), asks_reason=True
                )
            ),
        )
    ),
    "alone": lambda: view(proposals=(proposal(),), alone=("api-crash", NOW + timedelta(minutes=1))),
    "approved by a playbook": lambda: replace(running(), execution=execution(approved_by="fettle:playbook:api-crash")),
    "cause found": lambda: view(
        proposals=(proposal(),), findings=(ROLLOUT, DEPENDENCY), evidence=(PODS, CHANGES, EVENTS)
    ),
    "requested by a person": lambda: view(proposals=(proposal(requested_by="person:2"),)),
    "no approvers": lambda: view(proposals=(proposal(approvers=()),), approvers_missing=True),
    "observed": lambda: view(proposals=(proposal(ProposalState.RECORDED),), observe=True),
    "refused": lambda: view(
        proposals=(
            proposal(
                ProposalState.RECORDED,
                text=ProposalText("Restart Deployment shop/api", "Restarted shop/api", refusal="shop is not allowed."),
            ),
        )
    ),
    "held up": lambda: view(
        proposals=(
            proposal(
                ProposalState.RECORDED,
                text=ProposalText(
                    "Restart Deployment shop/api",
                    "Restarted shop/api",
                    breakable=True,
                    refusal="The freeze window weekend (Fri 16:00 - Mon 08:00, UTC) is on until Mon 08:00 UTC.",
                ),
            ),
        )
    ),
    "being checked": view,
    "nothing fits": lambda: nothing("the alert is none that a restart helps"),
    "choose target": lambda: nothing("several workloads fit", target=None, candidates=(API, WEB)),
    "find target": lambda: nothing("no workload was found for these alerts", target=None),
    "other target": lambda: nothing("the first failure follows a rollout", candidates=(API, WEB)),
    "owned by an operator": lambda: nothing(OPERATOR, target_note=OPERATOR),
    "foreign cluster": lambda: nothing("another cluster", foreign_cluster="prod-2", target=None),
    "no workload": lambda: view(incident=incident(target=None, target_note="The labels lead to no workload.")),
    "another cluster": lambda: view(incident=incident(target=None, foreign_cluster="prod-2")),
    "may be silenced": lambda: view(proposals=(proposal(),), silencing=True),
    "silenced": lambda: view(proposals=(proposal(),), silencing=True, silence=silence()),
    "silenced, unmeasured": lambda: view(silence=silence(verdict=Verdict.INCONCLUSIVE, trouble="It didn't answer.")),
    "silence being ended": lambda: view(silence=silence(SilenceState.ENDING, end_by="person:2")),
    "acknowledged": lambda: view(incident=incident(state=IncidentState.ACKNOWLEDGED, acknowledged_by="person:2")),
    "approved": lambda: view(proposals=(proposal(ProposalState.APPROVED, decided_by="person:1", decided_at=NOW),)),
    "running": running,
    "unanswered": lambda: view(
        proposals=(proposal(ProposalState.APPROVED),),
        execution=execution(
            ExecutionState.RUNNING, outcome="The API server answered 503 to a write.", standing=Standing.UNANSWERED
        ),
    ),
    "refused a right": lambda: view(
        proposals=(proposal(ProposalState.APPROVED),),
        execution=execution(ExecutionState.FAILED, outcome="the cluster was asked.", standing=Standing.UNTOUCHED),
    ),
    "soaking": lambda: view(
        proposals=(proposal(ProposalState.APPROVED),),
        execution=execution(ExecutionState.SUCCEEDED),
        verification=verification(rolled_out_at=NOW - timedelta(seconds=30)),
    ),
    "passed": lambda: judged(Verdict.PASS, IncidentState.MITIGATED, alerts_firing=0),
    "passed, still firing": lambda: judged(Verdict.PASS, IncidentState.MITIGATED),
    "failed": lambda: judged(Verdict.FAIL),
    "inconclusive": lambda: judged(Verdict.INCONCLUSIVE),
    "superseded verdict": lambda: judged(Verdict.SUPERSEDED),
    "not applied": lambda: view(
        proposals=(proposal(ProposalState.APPROVED),),
        execution=execution(ExecutionState.FAILED, outcome="The target changed since this was approved."),
    ),
    "unknown": lambda: view(proposals=(proposal(ProposalState.APPROVED),), execution=execution(ExecutionState.UNKNOWN)),
    "rejected": lambda: view(
        proposals=(proposal(ProposalState.DENIED, decided_by="person:2", decided_at=NOW, reason="known deploy"),)
    ),
    "expired": lambda: view(proposals=(proposal(ProposalState.EXPIRED),)),
    "superseded": lambda: view(proposals=(proposal(ProposalState.SUPERSEDED, reason="The target changed."),)),
    "resolved": _resolved,
    "resolved alone": lambda: view(
        incident=incident(state=IncidentState.RESOLVED, resolved_at=NOW, resolution="person", reason="false alarm")
    ),
    "reopened": lambda: view(incident=incident(episodes=2)),
    "declared": lambda: view(
        incident=incident(
            declared_by="person:1", alerts_firing=0, alerts_total=0, alertname="", title="Checkout is slow", target=None
        )
    ),
    "late": lambda: view(delayed=90, replaced=True, soak_note="soak 5 s (sandbox)", related=(incident(id=41),)),
}
"""Every state that a card can be in, by the name tests use."""


def _homes() -> list[Home]:
    many = tuple(incident(id=n, title="<!here>" * 99, alertname="x" * 300) for n in range(1, 16))
    offered = tuple((one, proposal(id=one.id)) for one in many[:10])
    ended = tuple((one, verdict, NOW) for one, verdict in zip(many, [*Verdict][:5], strict=False))
    by = ("@li", "database <migration>" * 90, NOW)
    links = {one.id: ("C0ONCALL", "1700000000.000100") for one in many}
    return [
        Home(NOW),
        Home(NOW, note="@eve, guests may not do this."),
        Home(
            NOW,
            frozen=by,
            incidents=many,
            more=400,
            waiting=offered,
            links=links,
            notes=dict.fromkeys(links, 9999),
        ),
        Home(NOW, otherwise_frozen="Writes are frozen: the FREEZE_FILE exists.", verdicts=ended),
    ]


HOMES = _homes()
"""App Home, empty and as full as it gets."""
