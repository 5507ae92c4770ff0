"""Bugs in the rules and windows of POLICY: what a team meant to be held up, and isn't."""

from tests.planted.bug import Bug

WORDS = "bot/domain/rules.py"
RULES_PY = "bot/policy/rules.py"
WINDOWS_PY = "bot/policy/windows.py"
ENTITLED = "bot/workflow/entitled.py"
RULES = "tests/unit/policy/test_rules.py"
WINDOWS = "tests/unit/policy/test_windows.py"
READ = "tests/unit/settings/test_policy.py"
WORK = "tests/integration/workflow/test_rules.py"

BUGS = (
    Bug(
        name="rule-lifted-by-a-missing-label",
        why="Whoever may take a label off a namespace takes the second pair of eyes off it too.",
        file=WORDS,
        old="(not self.environments or not case.environment or case.environment in self.environments)",
        new="(not self.environments or case.environment in self.environments)",
        tests=(RULES,),
    ),
    Bug(
        name="label-wins-over-the-mapping",
        why="A team calls its production a test by a label, and the platform team's mapping says nothing.",
        file=WORDS,
        old="        for name, patterns in self.namespaces:\n",
        new="        for name, patterns in () if self.label in labels else self.namespaces:\n",
        tests=(RULES,),
    ),
    Bug(
        name="first-rule-wins",
        why="A lax rule above a strict one takes the strict one away.",
        file=RULES_PY,
        old="    return Narrowed(tuple(rule for rule in policy.rules if rule.match.fits(case)))\n",
        new="    return Narrowed(tuple(rule for rule in policy.rules if rule.match.fits(case))[:1])\n",
        tests=(RULES,),
    ),
    Bug(
        name="lax-quorum-counts",
        why="Two rules want two and three people, and two are enough.",
        file=RULES_PY,
        old="        return max((rule.quorum for rule in self.rules), default=1)\n",
        new="        return min((rule.quorum for rule in self.rules), default=1)\n",
        tests=(RULES,),
    ),
    Bug(
        name="empty-list-means-all",
        why="Somebody empties a list of actions, and the rule is for every one.",
        file="bot/settings_policy_parts.py",
        old='    if not found:\n        raise ValueError("is empty',
        new='    if found is None:\n        raise ValueError("is empty',
        tests=(READ,),
    ),
    Bug(
        name="allow-taken-for-forbid",
        why="self_approval: allow is read as a word that does something.",
        file="bot/settings_policy_parts.py",
        old='    if word == "allow":\n',
        new='    if word == "allowed":\n',
        tests=(READ,),
    ),
    Bug(
        name="rules-not-asked-at-the-claim",
        why="The policy was tightened after the press, and it is carried out all the same.",
        file=ENTITLED,
        old="    if len(given) < rules.quorum:\n",
        new="    if len(given) < proposal.quorum:\n",
        tests=(WORK,),
    ),
    Bug(
        name="rules-approvers-forgotten",
        why="A rule names who may approve in production, and anybody of APPROVERS does.",
        file=ENTITLED,
        old='        *(Listed(f"policy {name}", ids) for name, ids in rules.approvers),\n',
        new="",
        tests=(WORK,),
    ),
    Bug(
        name="rule-s-expiry-ends-at-the-card",
        why="The card said ten minutes, the rule says two now, and eight minutes later somebody approves.",
        file="bot/workflow/facts.py",
        old="    return min(proposal.expires_at, proposal.created_at + least)\n",
        new="    return proposal.expires_at\n",
        tests=(WORK,),
    ),
    Bug(
        name="approval-without-its-reason",
        why="The policy wants a reason with each approval, and takes none.",
        file="bot/workflow/decide.py",
        old="    if rules.wants_reason and not reason:\n",
        new="    if rules.wants_reason and reason is None:\n",
        tests=(WORK,),
    ),
    Bug(
        name="reading-s-age-not-kept",
        why="The audit can't say whether the approver was in the group when they approved.",
        file=ENTITLED,
        old='"read_seconds_ago": round(age.total_seconds(), 1)}',
        new='"read_seconds_ago": 0.0}',
        tests=(WORK,),
    ),
    Bug(
        name="reminded-of-what-was-decided",
        why="Everybody is called for an approval that was given minutes ago.",
        file="bot/workflow/decide.py",
        old="    for stage in (Stage.EXPIRE, Stage.NUDGE, Stage.ACT_ALONE):\n",
        new="    for stage in (Stage.EXPIRE, Stage.ACT_ALONE):\n",
        tests=(WORK,),
    ),
    Bug(
        name="window-ends-a-week-early",
        why="A window that began last week isn't on any more on Monday.",
        file=WINDOWS_PY,
        old="        for day in (begin - WEEK, begin, begin + WEEK):\n",
        new="        for day in (begin + WEEK,):\n",
        tests=(WINDOWS,),
    ),
    Bug(
        name="window-shorter-when-clocks-change",
        why="In the night in which the clocks change the freeze ends an hour early.",
        file=WINDOWS_PY,
        old="    return max(_readings(wall, zone))\n",
        new="    return min(_readings(wall, zone))\n",
        tests=(WINDOWS,),
    ),
    Bug(
        name="last-day-of-a-freeze-left-out",
        why="A freeze up to the third of January ends on the evening of the second.",
        file="bot/settings_calendar.py",
        old="datetime.combine(end + timedelta(days=1), time())",
        new="datetime.combine(end, time())",
        tests=(READ,),
    ),
    Bug(
        name="rule-removed-in-silence",
        why="Somebody takes the rule for production away, and nobody is told.",
        file="bot/policy/rule_words.py",
        old="    return any(not line.startswith(GLASS) for line in lost)\n",
        new="    return any(line.startswith(GLASS) for line in lost)\n",
        tests=(WORK,),
    ),
)
