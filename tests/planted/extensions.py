"""Bugs of what a team adds and replaces: its handlers, its settings, the files of its secrets."""

from __future__ import annotations

from tests.planted.bug import Bug

FINDINGS = "tests/unit/evidence/test_handler_findings.py"
PICKS = "tests/unit/evidence/test_handler_picks.py"
RANKED = "tests/unit/findings/test_ranked.py"
ROTATION = "tests/integration/rotation/test_rotation.py"
LOADED = "tests/integration/workflow/test_loaded.py"
WORDS = "bot/evidence/handler_words.py"

BUGS = (
    Bug(
        name="handler-is-as-sure-as-it-says",
        why="A handler that says high stands before what Fettle measured, and decides what is proposed.",
        file=WORDS,
        old="confidence=max(Confidence(sure), least, key=lambda one: one.rank)",
        new="confidence=Confidence(sure)",
        tests=(FINDINGS,),
    ),
    Bug(
        name="handler-cites-what-nobody-saw",
        why="A finding rests on evidence that wasn't there.",
        file=WORDS,
        old="        if source not in sources:\n",
        new="        if not source:\n",
        tests=(FINDINGS,),
    ),
    Bug(
        name="handler-picks-another-value",
        why="A handler turns a rollback to revision 41 into one to any other.",
        file=WORDS,
        old="        if option.params[name] != value or type(option.params[name]) is not type(value):\n",
        new="        if type(option.params[name]) is not type(value):\n",
        tests=(PICKS,),
    ),
    Bug(
        name="handler-picks-untyped-values",
        why="True goes through as a number of replicas.",
        file=WORDS,
        old="    elif type(value) is not option.open[name]:\n",
        new="    elif not isinstance(value, option.open[name]):\n",
        tests=(PICKS,),
    ),
    Bug(
        name="handler-yields-for-ever",
        why="A generator without an end fills the memory of the process.",
        file="bot/evidence/handler_calls.py",
        old="return list(islice(returned, most))",
        new="return list(islice(returned, most * 2))",
        tests=(FINDINGS,),
    ),
    Bug(
        name="handler-raises-what-can-not-be-told",
        why="An error whose own text raises ends the thread before anybody is told, and the handler counts as busy.",
        file="bot/evidence/handler_calls.py",
        old='        return "it raised an error that can\'t be shown"\n',
        new="        raise\n",
        tests=(FINDINGS,),
    ),
    Bug(
        name="handler-before-what-was-measured",
        why="What a handler found leads although Fettle's own finding is as sure.",
        file="bot/findings/ranked.py",
        old="finding.confidence.rank, finding.cause is Cause.HANDLER, -finding.weight",
        new="finding.confidence.rank, finding.cause is not Cause.HANDLER, -finding.weight",
        tests=(RANKED,),
    ),
    Bug(
        name="refused-token-is-not-read-again",
        why="After each rotation of a token metrics are missing until the next look.",
        file="bot/integrations/door.py",
        old="                if not await self._read_again():\n",
        new="                if stranger:\n",
        tests=(ROTATION,),
    ),
    Bug(
        name="empty-file-is-a-token",
        why="A file that is being written empties the token, and everything is refused.",
        file="bot/secret_file.py",
        old="            if found is None:\n",
        new="            if found is ...:\n",
        tests=(ROTATION,),
    ),
    Bug(
        name="rotated-secret-stands-in-logs",
        why="A token that was read again is shown in the log.",
        file="bot/secret_file.py",
        old="        redaction.learn(texts(found))\n",
        new="",
        tests=(ROTATION,),
    ),
    Bug(
        name="approver-added-in-silence",
        why="Somebody adds himself to APPROVERS, and the channel hears nothing of it.",
        file="bot/workflow/configured.py",
        old="gains {', '.join(more)}\", name in MORE)",
        new="gains {', '.join(more)}\")",
        tests=(LOADED,),
    ),
    Bug(
        name="secret-in-the-audit",
        why="The bot token stands in the audit, which many may read.",
        file="bot/workflow/configured.py",
        old='        return "(a secret)"\n',
        new="        return value.get_secret_value()\n",
        tests=(LOADED,),
    ),
)
