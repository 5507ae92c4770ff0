"""Bugs of dumps: what would end a process or a pod, keep half a file, or delete what is somebody else's."""

from __future__ import annotations

from tests.planted.bug import Bug

JVM = "tests/integration/dumps/test_real_jvm.py"
FLOW = "tests/integration/workflow/test_dumps.py"
FOUND = "tests/unit/mitigations/test_dump_found.py"
EXECS = "tests/integration/kube/test_execs.py"
FOLDER = "tests/integration/artifacts/test_folder.py"
S3 = "tests/integration/artifacts/test_s3.py"
DRIVE = "tests/integration/artifacts/test_drive.py"

FOUND_PY = "bot/mitigations/dump_found.py"
HEAP_PY = "bot/mitigations/heap_dump.py"
EXECS_PY = "bot/kube/execs.py"
FOLDER_PY = "bot/integrations/artifacts_folder.py"
S3_PY = "bot/integrations/artifacts_s3.py"
DRIVE_PY = "bot/integrations/artifacts_drive.py"

LENDING = "tests/integration/workflow/test_lending.py"
LENDING_PY = "bot/workflow/lending.py"

BUGS = (
    Bug(
        name="links-for-everybody",
        why="Anybody in the channel reads every password that a process knew.",
        file=LENDING_PY,
        old="    if decision.allowed:\n",
        new="    if outsider.allowed:\n",
        tests=(LENDING,),
    ),
    Bug(
        name="link-in-the-text",
        why="The text of an answer that doesn't arrive goes to the log, and the link with it.",
        file=LENDING_PY,
        old="return Answer(told(one, until), ",
        new='return Answer(f"{told(one, until)} {link}", ',
        tests=(LENDING,),
    ),
    Bug(
        name="links-for-a-week",
        why="A link that was passed on reads the dump for as long as it is kept.",
        file=LENDING_PY,
        old="LASTING = timedelta(hours=1)",
        new="LASTING = timedelta(days=7)",
        tests=(LENDING,),
    ),
    Bug(
        name="links-to-other-objects",
        why="What was put in a dump's place is lent with our own credentials.",
        file=S3_PY,
        old='raise RejectedError(f"{self._bucket.place} has no ',
        new='(f"{self._bucket.place} has no ',
        tests=(S3,),
    ),
    Bug(
        name="sigquit-for-every-jvm",
        why="A JVM with -Xrs is ended by the signal that was to show its threads.",
        file=FOUND_PY,
        old="    if process.quits:\n",
        new="    if process.pid:\n",
        tests=(FOUND, f"{JVM}::test_a_jvm_that_sigquit_would_end_is_not_asked_by_it"),
    ),
    Bug(
        name="heap-dump-into-memory",
        why="The dump's pages count against the container's limit, and the kernel ends the JVM.",
        file=FOUND_PY,
        old="if one.kind and one.kind not in IN_MEMORY]",
        new="if one.kind]",
        tests=(FOUND,),
    ),
    Bug(
        name="no-look-at-the-pods-limits",
        why="The file passes the emptyDir's limit, and the kubelet evicts the pod.",
        file=HEAP_PY,
        old="    if limit is not None and limit < size:\n",
        new="    if limit is not None and limit < 0:\n",
        tests=(f"{JVM}::test_a_limit_that_would_evict_the_pod_is_told_before",),
    ),
    Bug(
        name="half-a-dump-is-kept",
        why="A file without an end is kept, and whoever opens it an hour later has nothing.",
        file=FOLDER_PY,
        old="        if self._size != draft.size or self._digest.hexdigest() != draft.sha256:\n",
        new="        if self._size > draft.size:\n",
        tests=(FOLDER,),
    ),
    Bug(
        name="reading-goes-on-at-the-wrong-place",
        why="After a cut the file is read from its beginning, and what is kept is no dump.",
        file=HEAP_PY,
        old="mib=offset // MIB)",
        new="mib=0)",
        tests=(f"{JVM}::test_a_connection_that_breaks_while_the_file_is_read_goes_on_where_it_was",),
    ),
    Bug(
        name="dump-left-in-the-container",
        why="Each dump leaves a file with every password of the process in the container, until its disk is full.",
        file=HEAP_PY,
        old='        await job.told("remove", file=file)\n',
        new='        job.argv("remove", file=file)\n',
        tests=(JVM,),
    ),
    Bug(
        name="replaced-container-is-dumped",
        why="Another pod of the same name is stopped for a dump that nobody approved.",
        file="bot/mitigations/dumps.py",
        old="    await Job.of(cluster, stored).same()\n    return stored\n",
        new="    del cluster\n    return stored\n",
        tests=(f"{FLOW}::test_a_pod_that_was_replaced_before_the_press_is_not_dumped",),
    ),
    Bug(
        name="broken-exec-taken-for-success",
        why="The connection broke before the exit code, and half an output counts as the whole.",
        file=EXECS_PY,
        old="        if self._status is None:\n            raise OutcomeUnknownError(",
        new="        if self._status is None:\n            return\n            raise OutcomeUnknownError(",
        tests=(EXECS,),
    ),
    Bug(
        name="exit-code-not-looked-at",
        why="jcmd says that it couldn't attach, and the dump counts as taken.",
        file=EXECS_PY,
        old='        if self._status.get("status") == "Success":\n',
        new='        if self._status.get("metadata") is not None:\n',
        tests=(EXECS,),
    ),
    Bug(
        name="crash-while-dumping-begins-anew",
        why="A process that still brings the dump is taken for dead, and its execution is settled under its hands.",
        file="bot/workflow/execute.py",
        old="    takes = mitigation.bringing.takes if mitigation.bringing is not None else timedelta(0)\n",
        new="    takes = timedelta(0)\n",
        tests=(f"{FLOW}::test_a_crash_after_it_was_kept_is_settled_by_what_the_store_holds",),
    ),
    Bug(
        name="dump-mitigates",
        why="The card turns green because a file was written, while everything still burns.",
        file="bot/workflow/close.py",
        old="    if verdict is Verdict.PASS and not helps and not asked:\n",
        new="    if verdict is Verdict.PASS and not helps and not asked and not incident.open:\n",
        tests=(f"{FLOW}::test_a_dump_helps_nothing_and_nothing_rests_for_it",),
    ),
    Bug(
        name="folder-deletes-whatever-it-is-told",
        why="The sweep deletes a file that somebody else put there under that name.",
        file=FOLDER_PY,
        old="        if note is None or note.get(MARK) != kept.execution:\n            raise RejectedError",
        new="        if note is None and not path.exists():\n            raise RejectedError",
        tests=(FOLDER,),
    ),
    Bug(
        name="s3-deletes-whatever-it-is-told",
        why="The sweep deletes an object of somebody else's.",
        file=S3_PY,
        old='        if found.get("Metadata", {}).get(MARK) != kept.execution:\n',
        new='        if found.get("Metadata", {}).get(MARK, kept.execution) != kept.execution:\n',
        tests=(S3,),
    ),
    Bug(
        name="s3-without-encryption",
        why="Heap dumps with customers' data lie in the bucket as they are.",
        file=S3_PY,
        old="                **self._bucket.sealed,\n",
        new="",
        tests=(f"{S3}::test_the_encryption_that_was_set_is_asked_for",),
    ),
    Bug(
        name="drive-sends-the-token-elsewhere",
        why="Whoever answers in Drive's place has the dump and the token sent to a host of their own.",
        file=DRIVE_PY,
        old='        if not session.startswith(f"{self._url}/"):\n',
        new='        if not session.startswith("http"):\n',
        tests=(f"{DRIVE}::test_an_upload_is_never_sent_elsewhere",),
    ),
    Bug(
        name="drive-trusts-what-it-sent",
        why="Drive holds other bytes than left the container, and nobody notices.",
        file=DRIVE_PY,
        old="        if kept.sha256 != draft.sha256:\n",
        new="        if kept.size != draft.size:\n",
        tests=(f"{DRIVE}::test_what_drive_holds_must_be_what_was_sent",),
    ),
    Bug(
        name="cap-not-counted",
        why="Dumps fill the volume, and with it the disk of whatever shares it.",
        file=FOLDER_PY,
        old="        if used + draft.size > self._most:\n",
        new="        if draft.size > self._most:\n",
        tests=(FOLDER,),
    ),
)
