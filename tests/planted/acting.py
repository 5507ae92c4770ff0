"""Bugs around the one write: done twice, done unseen, done to another object, or told otherwise than it was."""

from tests.planted.bug import Bug

RESTART = "bot/mitigations/restart.py"
PATCHES = "bot/mitigations/patches.py"
EXECUTE_PY = "bot/workflow/execute.py"
EVICTED = "tests/integration/workflow/test_evict.py"
SETTLE_PY = "bot/workflow/settle.py"
RECOVER_PY = "bot/workflow/recover.py"
REQUEST = "tests/unit/mitigations/test_restart_request.py"
EXECUTE = "tests/integration/workflow/test_execute.py"
RECOVER = "tests/integration/workflow/test_recover.py"
RECORDS = "tests/integration/storage/test_records.py"
KUBE_ERRORS = "tests/unit/kube/test_errors.py"
APPLY = "tests/integration/kube/test_restart.py"

ROLLBACK = "tests/integration/kube/test_rollback.py"
ROLLED = "tests/integration/workflow/test_rollback.py"

BUGS = (
    Bug(
        name="no-uid-precondition",
        why="Deleted and made anew meanwhile: another object than the approved one is restarted.",
        file=PATCHES,
        old='        {"op": "test", "path": "/metadata/uid", "value": target.uid},\n',
        new="",
        tests=(REQUEST,),
    ),
    Bug(
        name="request-without-uid-is-sent",
        why="A stored request that lost its precondition goes out all the same.",
        file=PATCHES,
        old='    if not precondition(stored, "/metadata/uid"):\n',
        new="    if not stored.body:\n",
        tests=(f"{APPLY}::test_a_stored_request_that_lost_its_precondition_is_not_sent",),
    ),
    Bug(
        name="no-generation-precondition",
        why="What somebody deployed a second ago is restarted unseen.",
        file=PATCHES,
        old='        {"op": "test", "path": "/metadata/generation", "value": state.generation},\n',
        new="",
        tests=(REQUEST,),
    ),
    Bug(
        name="template-annotations-replaced",
        why="The restart takes away the annotations that injectors and scrapers need.",
        file=RESTART,
        old="there=bool(state.template_annotations))",
        new="there=not state.template_annotations)",
        tests=(REQUEST,),
    ),
    Bug(
        name="preview-acts",
        why="The dry run isn't one: the pods restart before anybody was asked.",
        file="bot/kube/writes.py",
        old='query["dryRun"] = "All"',
        new='query["dry_run"] = "All"',
        tests=(f"{APPLY}::test_the_preview_changes_nothing_and_shows_two_annotations",),
    ),
    Bug(
        name="write-tried-twice",
        why="A connection that is reset after the write makes two of it.",
        file="bot/kube/client.py",
        old="        except (aiohttp.ClientError, TimeoutError, OSError) as error:\n"
        "            raise connection_error(error, acts=acts) from error\n",
        new="        except (aiohttp.ClientError, TimeoutError, OSError):\n"
        "            answer = await self._call(method, path, query, body, content_type, agent)\n",
        tests=(f"{APPLY}::test_done_but_the_answer_was_lost_is_read_back_as_applied",),
    ),
    Bug(
        name="lost-answer-taken-for-not-done",
        why="The restart happened, the card says that nothing was done, and the next press does it again.",
        file="bot/kube/errors.py",
        old="    if acts and not refused:\n",
        new="    if acts and refused:\n",
        tests=(KUBE_ERRORS,),
    ),
    Bug(
        name="gateway-timeout-taken-for-not-done",
        why="A 504 after the write was stored reads as a failure.",
        file="bot/kube/errors.py",
        old="        if acts:\n",
        new="        if acts and status < HTTPStatus.BAD_GATEWAY:\n",
        tests=(KUBE_ERRORS,),
    ),
    Bug(
        name="call-without-a-limit",
        why="An API server that stalls holds executions for ever.",
        file="bot/kube/client.py",
        old="asyncio.timeout(self.timeout):\n                answer = await self._call(method,",
        new="asyncio.timeout(None):\n                answer = await self._call(method,",
        also=(("_request_timeout=limit or self.timeout", "_request_timeout=limit"),),
        tests=(f"{APPLY}::test_never_arrived_is_read_back_as_not_applied",),
    ),
    Bug(
        name="approval-not-rechecked",
        why="Whoever approved was dismissed before the claim; the approval still acts.",
        file=EXECUTE_PY,
        old="    decision += entitled.still_approved(tx, ctx, proposal, execution.approved_by, now, reading)\n",
        new="",
        tests=(EXECUTE,),
    ),
    Bug(
        name="proposal-state-not-rechecked",
        why="A proposal that was voided after the approval is carried out.",
        file=EXECUTE_PY,
        old="    if proposal.state is not ProposalState.APPROVED:\n",
        new="    if proposal.state is ProposalState.PENDING:\n",
        tests=(f"{EXECUTE}::test_a_proposal_that_is_not_approved_is_never_carried_out",),
    ),
    Bug(
        name="policy-skipped-at-execution",
        why="Frozen, paused or changed between the press and the write: it is done all the same.",
        file=EXECUTE_PY,
        old="    if not decision.allowed or reading.state is None:\n",
        new="    if reading.state is None:\n",
        tests=(EXECUTE,),
    ),
    Bug(
        name="second-freeze-read-dropped",
        why="The kill switch, thrown between claim and write, stops nothing.",
        file=EXECUTE_PY,
        old='return runs, "" if freeze.on is False else freeze.sentence',
        new='return runs, "" if freeze.on is None else ""',
        tests=(f"{EXECUTE}::test_a_freeze_file_between_claim_and_act_stops_it",),
    ),
    Bug(
        name="settled-execution-is-sent",
        why="Read back and settled as not applied while the process hung; then it sends after all.",
        file=EXECUTE_PY,
        old="    if not runs:\n",
        new="    if not runs and against:\n",
        also=((" >= SEND_WITHIN):", " >= SEND_WITHIN * 1000):"),),
        tests=(f"{EXECUTE}::test_what_was_settled_while_it_stalled_is_not_sent_any_more",),
    ),
    Bug(
        name="late-request-is-sent",
        why="A process that slept for a minute sends what was read back as not done meanwhile.",
        file=EXECUTE_PY,
        old="ctx.clock() - execution.intent_at >= SEND_WITHIN",
        new="ctx.clock() - execution.intent_at >= SEND_WITHIN * 1000",
        tests=(f"{EXECUTE}::test_what_could_not_be_sent_within_five_seconds_of_its_intent_is_not_sent",),
    ),
    Bug(
        name="approval-good-for-ever",
        why="A cluster that was away all night is restarted in the morning by last evening's press.",
        file="bot/workflow/facts.py",
        old="            return proposal.decided_at + lasts\n",
        new="            return proposal.decided_at + 1000 * lasts\n",
        tests=(EXECUTE,),
    ),
    Bug(
        name="audit-after-the-effect",
        why="A crash between the write and its entry: the cluster changed, and the audit knows nothing of it.",
        file=EXECUTE_PY,
        old='    settle.entry(tx, "execution:intent:committed", claimed, "running", detail, now)\n',
        new="    del detail\n",
        also=(
            (
                "        ended = await _sent(ctx, mitigation, whole)\n",
                "        ended = await _sent(ctx, mitigation, whole)\n"  # noqa: ISC004 - one text
                '        told = (settle.entry, "execution:intent:committed", execution, "running", {}, ctx.clock())\n'
                "        await ctx.store.transact(*told)\n",
            ),
        ),
        tests=(EXECUTE,),
    ),
    Bug(
        name="recovery-sends-again",
        why="After a crash the request goes out a second time instead of being looked for.",
        file=RECOVER_PY,
        old="    await settle.settle(ctx, execution, ended, work)\n",
        new="    if ended.anew and execution.request is not None:\n"
        "        await mitigation.apply(ctx.cluster, execution.request)\n"
        "    await settle.settle(ctx, execution, ended, work)\n",
        tests=(RECOVER,),
    ),
    Bug(
        name="silent-write-is-not-told",
        why="No answer to a write comes, and the card shows for a quarter of a minute that all goes its way.",
        file=SETTLE_PY,
        old="    executions.unanswered(tx, execution_id, why)\n",
        new="    del why\n",
        tests=(RECOVER,),
    ),
    Bug(
        name="what-was-read-settles-the-next-attempt",
        why="A slow look at an attempt that a budget held back calls the next one, on its way by then, not applied.",
        file=SETTLE_PY,
        old="    if by is not None and not due.claimed(tx, by):\n        return\n",
        new="",
        tests=(f"{EVICTED}::test_what_was_read_of_an_attempt_that_was_held_back_settles_no_other",),
    ),
    Bug(
        name="any-standing-in-any-state",
        why="What is stored contradicts itself: it succeeded, and was only done in part.",
        file="bot/storage/executions.py",
        old="    if known not in STANDINGS[state]:\n",
        new="    if known not in STANDINGS[before.state]:\n",
        tests=(f"{RECORDS}::test_what_is_known_of_an_execution_fits_its_state",),
    ),
    Bug(
        name="part-told-by-the-words",
        why="Somebody rewords the sentence, and the card says that nothing was done though a pod is gone.",
        file="bot/slack/cards/verdict.py",
        old="view.execution.standing is Standing.PARTLY",
        new='view.execution.outcome.startswith("stopped after ")',
        tests=("tests/unit/slack/test_wording.py", "tests/house/test_wording.py"),
    ),
    Bug(
        name="stop-told-by-the-words",
        why="The same of why the rest isn't done: the card keeps it back, or says it twice.",
        file="bot/slack/cards/steps.py",
        old="    if proposal.halt not in {Halt.NONE, Halt.FAILED}:",
        new='    if proposal.halt is not Halt.NONE and proposal.stopped.startswith("a person"):',
        tests=("tests/integration/workflow/test_wording.py", "tests/house/test_wording.py"),
    ),
    Bug(
        name="old-rows-untranslated",
        why="After the update the card of what was held back before says that it runs, and not what it waits for.",
        file="bot/storage/migrations/0010_standings.py",
        old="UPDATE executions SET standing = 'held' WHERE",
        new="UPDATE executions SET standing = '' WHERE",
        tests=("tests/upgrade/test_old_databases.py::test_what_was_told_by_words_alone_is_told_by_columns",),
    ),
    Bug(
        name="recovery-without-a-look",
        why="After a crash the request goes out a second time, whatever became of the first.",
        file=RECOVER_PY,
        old="        return _by(await mitigation.read_back(ctx.cluster",
        new="        if execution.request is not None:\n"
        "            await mitigation.apply(ctx.cluster, execution.request)\n"
        "        return _by(await mitigation.read_back(ctx.cluster",
        tests=(RECOVER,),
    ),
    Bug(
        name="read-back-before-it-can-have-arrived",
        why="Read back at once, the request still on its way counts as not done, and arrives a moment later.",
        file=EXECUTE_PY,
        old="    read_back_at = now + ctx.settings.KUBE_TIMEOUT + ARRIVAL_MARGIN + takes\n",
        new="    read_back_at = now\n",
        tests=(f"{RECOVER}::test_it_is_not_read_back_before_the_request_can_no_longer_arrive",),
    ),
    Bug(
        name="changed-target-taken-for-not-applied",
        why="What can't be told is told: failed, nothing was done, although it may have been.",
        file="bot/mitigations/patches.py",
        old="    if same and generation == expected:\n",
        new="    if same:\n",
        tests=(f"{APPLY}::test_a_target_that_moved_on_without_our_mark_cannot_be_told",),
    ),
    Bug(
        name="unreadable-outcome-taken-for-success",
        why="The cluster can't be read after the crash, and the card says done.",
        file=RECOVER_PY,
        old='settle.lost(f"the target is gone,',
        new='settle.done(f"the target is gone,',
        tests=(RECOVER,),
    ),
    Bug(
        name="update-without-the-state",
        why="Two presses at once both win: an approval of what was rejected a moment before.",
        file="bot/storage/proposals.py",
        old="[ProposalRow.id == proposal_id, ProposalRow.state.in_([source.value for source in sources])]",
        new="[ProposalRow.id == proposal_id]",
        tests=(RECORDS,),
    ),
    Bug(
        name="expired-approval-accepted",
        why="The press that comes a moment after the end wins against the clock.",
        file="bot/storage/proposals.py",
        old="        guards.append(ProposalRow.expires_at > now)\n",
        new="        pass\n",
        tests=(RECORDS,),
    ),
    Bug(
        name="one-person-counts-twice",
        why="Two presses of one person make a quorum of two.",
        file="bot/storage/migrations/0001_first.py",
        old="UNIQUE (proposal_id, principal)",
        new="UNIQUE (proposal_id, principal, at)",
        tests=(RECORDS,),
    ),
    Bug(
        name="another-template-than-approved",
        why="The ReplicaSet was edited between approval and execution, and that is what is put into the workload.",
        file="bot/kube/undo.py",
        old='    if text(item, "metadata", "uid") != named.get("uid") or content(template) != named.get("content"):\n',
        new='    if text(item, "metadata", "uid") != named.get("uid"):\n',
        tests=(ROLLBACK,),
    ),
    Bug(
        name="rollback-brings-privileges",
        why="The old revision ran privileged, and so do its pods again.",
        file="bot/mitigations/rollback.py",
        old="    if chosen.guarded:\n",
        new="    if chosen.guarded and not chosen.same:\n        chosen = chosen\n    elif chosen.guarded:\n",
        tests=(ROLLBACK,),
    ),
    Bug(
        name="approved-tag-cut",
        why="What is approved reads as 2026.11.26, and 2026.11.26-build.7 of a long name is what runs then.",
        file="bot/domain/image.py",
        old="    if len(name) <= most:\n        return name\n",
        new="    if len(name) <= most or name:\n        return name[:most]\n",
        tests=("tests/unit/domain/test_image.py",),
    ),
    Bug(
        name="rollback-to-what-runs",
        why="After a restart the revision before holds the same image: nothing changes, all pods are replaced.",
        file="bot/mitigations/rollback.py",
        old="    others = [one for one in found if not one.same and not one.current]\n",
        new="    others = [one for one in found if not one.current]\n",
        tests=(ROLLBACK,),
    ),
    Bug(
        name="undo-without-end",
        why="A rollback and its undo take turns while nobody looks.",
        file="bot/workflow/again.py",
        old="    if UNDO_OF in done.params:\n",
        new="    if UNDO_OF in done.params and not done.params:\n",
        tests=(ROLLED,),
    ),
    Bug(
        name="failed-and-not-undone",
        why="The verdict is FAIL, and the card offers nothing.",
        file="bot/workflow/verify.py",
        old="    if verdict is Verdict.FAIL and not taken_back and incidents.get(tx, settled.incident_id).open:\n",
        new="    if verdict is Verdict.SUPERSEDED and incidents.get(tx, settled.incident_id).open:\n",
        tests=(ROLLED,),
    ),
    Bug(
        name="not-allowed-and-proposed",
        why="A mitigation that the settings don't allow stands in the way of the one that they do.",
        file="bot/playbooks/chosen.py",
        old='        return "" if action in self.allowed else NOT_ALLOWED\n',
        new='        return "" if action in self.available else NOT_ALLOWED\n',
        tests=("tests/unit/playbooks/test_chosen.py", ROLLED),
    ),
    Bug(
        name="quorum-of-the-playbook-ignored",
        why="A playbook that wants two people is content with one.",
        file="bot/workflow/offering.py",
        old="least(draft.actions, max(draft.quorum, rules.quorum))\n",
        new="least(draft.actions, rules.quorum)\n",
        tests=("tests/integration/workflow/test_propose.py",),
    ),
    Bug(
        name="released-before-the-verdict",
        why="The next action begins while the first is still being measured.",
        file="bot/storage/executions.py",
        old="    if event is ExecutionEvent.FAIL:\n",
        new="    if event in {ExecutionEvent.FAIL, ExecutionEvent.SUCCEED}:\n",
        tests=(RECORDS,),
    ),
)
