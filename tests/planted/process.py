"""Bugs of the program as a whole: how it starts, drains, logs, and what it may do where it is deployed."""

from tests.planted.bug import Bug

APP = "bot/app.py"
JOBS_PY = "bot/jobs.py"
START = "tests/integration/intake/test_start.py"
HTTP = "tests/integration/intake/test_http.py"
JOBS = "tests/integration/workflow/test_jobs.py"
ADMISSION = "tests/deploy/test_admission.py"
DEPLOYMENT = "tests/deploy/test_deployment.py"

BUGS = (
    Bug(
        name="drain-drops-acknowledged-presses",
        why="Slack was told that the press arrived; the deploy a second later forgets it.",
        file=APP,
        old="await asyncio.gather(self._front.drain(left), self._jobs.drain(left))",
        new="await self._jobs.drain(left)",
        tests=("tests/scenarios/test_ending.py",),
    ),
    Bug(
        name="drain-keeps-what-it-did-not-begin",
        why="What was cut off waits two minutes for its lease after every deploy.",
        file=JOBS_PY,
        old="            await self._ctx.store.transact(due.give_back, work)\n",
        new="            await asyncio.sleep(0)\n",
        tests=(JOBS,),
    ),
    Bug(
        name="drain-claims-on",
        why="New work begins while the program ends, and is cut off.",
        file=JOBS_PY,
        old="        if self._closing or not any(free.values()):\n",
        new="        if not any(free.values()):\n",
        tests=(JOBS,),
    ),
    Bug(
        name="failed-stage-not-owed-again",
        why="A stage that failed once waits for its lease, without a pause and without a word in the status.",
        file=JOBS_PY,
        old="                await self._owe_again(work, error)\n",
        new="                del error\n",
        tests=(JOBS,),
    ),
    Bug(
        name="dead-predecessors-claims-kept",
        why="After a kill, what the dead process had claimed waits for leases to run out.",
        file=APP,
        old="        due.free_claims(tx)\n",
        new="",
        tests=(f"{JOBS}::test_what_a_dead_process_had_claimed_is_free_at_the_next_start",),
    ),
    Bug(
        name="slack-down-stops-the-intake",
        why="Slack is away at the start, and no alert is taken.",
        file=APP,
        old="            away[event] = str(answer)\n",
        new="            wrong += _sentences(answer)\n",
        tests=(START,),
    ),
    Bug(
        name="wrong-token-goes-on",
        why="A revoked token is a line in the log instead of exit code 2 and a sentence.",
        file=APP,
        old="        elif isinstance(answer, FettleError):\n            wrong += _sentences(answer)\n",
        new="        elif isinstance(answer, FettleError):\n            logger.warning(str(answer))\n",
        tests=(START,),
    ),
    Bug(
        name="short-soak-on-a-real-cluster",
        why="A soak of two seconds, left over from the sandbox, calls everything cured.",
        file=APP,
        old="    if settings.short_soak and cluster.name != SANDBOX_CLUSTER:\n",
        new="    if settings.short_soak and not cluster.name:\n",
        tests=(START,),
    ),
    Bug(
        name="ready-without-a-write",
        why="A full disk looks ready, and alerts are sent to it.",
        file="bot/health.py",
        old="                await self._ctx.store.writable()\n",
        new="                await asyncio.sleep(0)\n",
        tests=(f"{HTTP}::test_a_saturated_store_is_503_and_what_waited_is_committed",),
    ),
    Bug(
        name="webhook-listens-to-all-without-a-token",
        why="Started for a first try, it listens on every address.",
        file="bot/settings.py",
        old='"0.0.0.0" if data.get("WEBHOOK_TOKENS") or data.get("WEBHOOK_BASIC") else "127.0.0.1"',
        new='"0.0.0.0" if data else "127.0.0.1"',
        tests=("tests/unit/settings/test_load.py",),
    ),
    Bug(
        name="own-tokens-in-the-log",
        why="A token in an exception's text stands in every log store.",
        file="bot/log.py",
        old="            text = text.replace(secret, HIDDEN)\n",
        new="            text = text.replace(secret, secret)\n",
        tests=("tests/unit/log/test_log.py",),
    ),
    Bug(
        name="bearer-tokens-not-known",
        why="An event that quotes an Authorization header is stored and posted with it.",
        file="bot/domain/redaction.py",
        old='re.compile(r"\\b((?i:bearer|basic))\\s+',
        new='re.compile(r"\\b((?i:digest|ntlm))\\s+',
        tests=("tests/unit/domain/test_redaction.py",),
    ),
    Bug(
        name="secrets-in-the-diff",
        why="The dry run's diff shows a mutating webhook's password on the card.",
        file="bot/mitigations/diff.py",
        old="    shown = HIDDEN if secret else redact(str(value))\n",
        new="    shown = str(value) if secret else redact(str(value))\n",
        tests=("tests/unit/mitigations/test_diff.py",),
    ),
    Bug(
        name="evidence-without-a-deadline",
        why="One collector that hangs keeps the card empty.",
        file="bot/evidence/collect.py",
        old="    end = loop.time() + deadline\n",
        new="    end = loop.time() + 1000 * deadline\n",
        tests=("tests/integration/evidence/test_collect.py::test_a_collector_that_hangs_or_breaks_costs_only_itself",),
    ),
    Bug(
        name="lost-target-guessed",
        why="An alert of kube-state-metrics about another workload restarts kube-state-metrics itself.",
        file="bot/kube/hints.py",
        old='    return "" if own else name\n',
        new="    return name\n",
        tests=("tests/integration/kube/test_resolve.py",),
    ),
    Bug(
        name="account-may-scale",
        why="A stolen token scales production to zero.",
        file="deploy/base/admission.yaml",
        old="          - deployments/*\n",
        new="",
        tests=(ADMISSION,),
    ),
    Bug(
        name="account-may-change-images",
        why="A stolen token runs a stranger's image.",
        file="deploy/base/admission.yaml",
        old="object.spec.template.all(k, k == 'metadata' || (",
        new="object.spec.template.all(k, k == 'metadata' || k == 'spec' || (",
        tests=(ADMISSION,),
    ),
    Bug(
        name="container-with-a-writable-root",
        why="Whoever gets in can leave something behind.",
        file="deploy/base/deployment.yaml",
        old="readOnlyRootFilesystem: true",
        new="readOnlyRootFilesystem: false",
        tests=(DEPLOYMENT,),
    ),
    Bug(
        name="two-bots-while-updating",
        why="A rolling update runs two bots on one volume.",
        file="deploy/base/deployment.yaml",
        old="type: Recreate",
        new="type: RollingUpdate",
        tests=(DEPLOYMENT,),
    ),
)
