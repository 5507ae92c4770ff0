"""What the audit holds of an act before it happens: by whose approval exactly what is sent to exactly what.

A template that the request only names is named here too. It refuses to write: the claim does, in its transaction.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.execution import Execution, WriteRequest
from bot.domain.proposal import Proposal, canonical, sha256
from bot.policy import glass
from bot.workflow import chains


def intent(execution: Execution, proposal: Proposal, request: WriteRequest) -> Mapping[str, object]:
    """The detail of the entry ``execution:intent:committed``."""
    broken = glass.Broken.of(proposal.baseline.get(glass.BROKEN))
    named = {"template": dict(request.template)} if request.template else {}
    return {
        "action": execution.action,
        "target": execution.target.label,
        "uid": execution.target.uid,
        "approved_digest": proposal.digest,
        "request_digest": sha256(canonical([request.body, named] if named else request.body)),
        "request": {"method": request.method, "path": request.path, "body": request.body, **named},
        "execution": execution.uid,
        "approved_by": execution.approved_by,
        **({"step": chains.place(proposal)} if proposal.steps else {}),
        **({glass.BROKEN: broken.by} if broken.by else {}),
    }
