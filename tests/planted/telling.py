"""What a card claims: causes, other possibilities and reasons, each as far as the evidence carries it."""

from tests.planted.bug import Bug

ON_CARD = "tests/unit/slack/test_findings_on_card.py"
RANKED = "tests/unit/findings/test_ranked.py"

BUGS = (
    Bug(
        name="the-first-cause-told-twice",
        why="At night somebody weighs two possibilities that are one.",
        file="bot/slack/cards/finding.py",
        old=" if not says_again(best, other)]",
        new=" if other is not best]",
        tests=(ON_CARD,),
    ),
    Bug(
        name="another-cause-hidden-as-a-repetition",
        why="The first isn't sure, and what else it may be isn't told.",
        file="bot/domain/finding.py",
        old=" and first.confidence is not Confidence.LOW:\n",
        new=":\n",
        tests=(ON_CARD,),
    ),
    Bug(
        name="a-label-is-the-reason",
        why="That the alert names no namespace is told as why nothing is done about a control plane that is down.",
        file="bot/slack/cards/view.py",
        old='        return _beyond(view) or incident.target_note or "no',
        new='        return incident.target_note or _beyond(view) or "no',
        tests=(ON_CARD,),
    ),
    Bug(
        name="nothing-explains-what-was-explained",
        why="Behind the cause the card says that nothing that was looked at explains the alert.",
        file="bot/findings/ranked.py",
        old="    if ordered and ordered[0].confidence is not Confidence.LOW:\n",
        new="    if ordered and ordered[0].confidence is Confidence.LOW:\n",
        tests=(RANKED,),
    ),
    Bug(
        name="yesterdays-last-words-accuse",
        why="The database that was away in the night is named for what the service has at noon.",
        file="bot/findings/signs.py",
        old=" if ended and not _long_ago(log, ends.get((log.pod, log.container)), floor) else set()",
        new=" if ended else set()",
        tests=("tests/unit/findings/test_dependency_down.py",),
    ),
    Bug(
        name="a-scale-that-never-comes-isnt-warned-of",
        why="A playbook names a scale that it can never propose, and its check says that all is right.",
        file="bot/playbooks/needs.py",
        old='    ("quota", "scale"): ("changes", "autoscalers"),\n',
        new='    ("quota", "scale"): ("changes",),\n',
        tests=("tests/unit/playbooks/test_catalog.py",),
    ),
    Bug(
        name="a-limit-in-a-name-asks-for-more",
        why="Somebody sets RATE_LIMIT, a quota is full for another reason, and a useless rollback is proposed.",
        file="bot/findings/quota.py",
        old="    return detail == LIMIT_RANGE or rollout.change.resources\n",
        new='    return detail == LIMIT_RANGE or "limit" in rollout.change.what.lower()\n',
        tests=("tests/unit/findings/test_quota.py",),
    ),
    Bug(
        name="an-autoscalers-step-is-taken-back",
        why="What an autoscaler did is proposed to be undone, and it does it again at once.",
        file="bot/findings/changed.py",
        old=" or scale.automatic or",
        new=" or",
        tests=("tests/unit/findings/test_unschedulable.py",),
    ),
    Bug(
        name="a-metric-compared-in-another-unit",
        why="A percentage is compared with a quantity: whatever is at its maximum looks as if it had to be raised.",
        file="bot/kube/limits.py",
        old="quantity(current.get(given)), quantity(target.get(given))",
        new='quantity(current.get("averageUtilization") or current.get(given)), quantity(target.get(given))',
        tests=("tests/unit/kube/test_limits.py",),
    ),
    Bug(
        name="the-first-tells-of-no-kill",
        why="A kill for memory that the first cause says nothing of isn't shown beside it.",
        file="bot/domain/finding.py",
        old="        return first.killed\n",
        new="        return first.cause is Cause.BAD_ROLLOUT\n",
        tests=(ON_CARD,),
    ),
)
