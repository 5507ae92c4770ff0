"""Bugs of goroutine dumps and heap profiles: another address, half an answer kept, a no that is told as another's."""

from __future__ import annotations

from tests.planted.bug import Bug

ASKED = "tests/integration/dumps/test_pprof.py"
ADMITTED = "tests/deploy/test_pprof_admission.py"
PPROF = "bot/mitigations/pprof.py"

BUGS = (
    Bug(
        name="half-a-profile-is-kept",
        why="Whoever opens it an hour later has nothing, and the process was restarted since.",
        file=PPROF,
        old="    if not unpacked.eof or unpacked.unused_data:\n",
        new="    if unpacked.unused_data:\n",
        tests=(ASKED,),
    ),
    Bug(
        name="a-login-page-is-a-goroutine-dump",
        why="What a proxy before the program says is kept as what its goroutines do.",
        file=PPROF,
        old="    if _GOROUTINE.match(data) is None:\n",
        new="    if not data:\n",
        tests=(ASKED,),
    ),
    Bug(
        name="the-programs-no-is-the-clusters",
        why="Somebody binds roles at night, and it is the program that says 403.",
        file="bot/kube/proxied.py",
        old="    if said is None:\n",
        new="    if said is None and status not in {401, 403}:\n",
        also=(('str(said.get("message", ""))', 'str((said or {}).get("message", ""))'),),
        tests=(ASKED,),
    ),
    Bug(
        name="policy-lets-every-address-be-read",
        why="A stolen token reads whatever pods serve to a GET.",
        file="deploy/base/pprof-admission.yaml",
        old="object.path in ['/debug/pprof/goroutine', '/debug/pprof/heap']",
        new="object.path.startsWith('/debug/pprof')",
        tests=(ADMITTED,),
    ),
)
