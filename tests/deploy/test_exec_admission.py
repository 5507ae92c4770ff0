"""The policy on exec, read by a CEL interpreter: this account runs the commands of its dumps, and no other."""

from __future__ import annotations

from typing import Any

import pytest
from asked import refused
from built import SETS, built, one_of

from bot.mitigations import dump_scripts
from bot.mitigations.dump_scripts import COMMANDS, filled

POLICY = one_of(built(SETS["base"]), "ValidatingAdmissionPolicy", "fettle-dumps-only")["spec"]
SCRIPTS = one_of(built(SETS["base"]), "ConfigMap", "fettle-exec")["data"]
E = "0123456789abcdef0123456789abcdef"
FILE = f"/tmp/fettle-{E}.hprof"  # noqa: S108 - the container's
TOOLS = {"jcmd": "/opt/java/openjdk/bin/jcmd", "jmap": "/usr/bin/jmap", "jstack": "/usr/bin/jstack"}


def refusals(argv: tuple[str, ...], *, sub: str = "exec", **options: Any) -> list[str]:
    """What the policy says; an expression that can't be evaluated refuses (failurePolicy Fail)."""
    request = {"operation": "CONNECT", "subResource": sub, "userInfo": {"username": "fettle"}}
    world: dict[str, Any] = {
        "object": {"command": list(argv), "container": "api", "stdout": True, "stderr": True, **options},
        "request": request, "params": {"data": SCRIPTS},
    }  # fmt: skip
    return refused(POLICY, world)


def test_the_scripts_of_the_policy_are_those_that_run() -> None:
    assert SCRIPTS == {
        "find": dump_scripts.FIND, "heap-jcmd": dump_scripts.HEAP_JCMD, "heap-jmap": dump_scripts.HEAP_JMAP,
        "kill": dump_scripts.KILL, "find-beside": dump_scripts.FIND_BESIDE,
        "threads-beside": dump_scripts.THREADS_BESIDE, "heap-beside": dump_scripts.HEAP_BESIDE,
    }  # fmt: skip


def test_it_is_asked_whenever_somebody_gets_into_a_container() -> None:
    (rule,) = POLICY["matchConstraints"]["resourceRules"]
    assert rule["operations"] == ["CONNECT"]
    assert rule["resources"] == ["pods/exec", "pods/attach", "pods/portforward"]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_of_a_dump_is_allowed(name: str) -> None:
    tool = next((path for tool, path in TOOLS.items() if tool in name), "/usr/local/bin/py-spy")
    assert refusals(filled(COMMANDS[name], pid=7, tool=tool, file=FILE, mib=16)) == []


FIND = COMMANDS["find"]
HEAP = filled(COMMANDS["heap with jcmd"], pid=7, tool="/usr/bin/jcmd", file=FILE)
OTHERS: dict[str, tuple[str, ...]] = {
    "a shell": ("sh",),
    "a command of its own": ("sh", "-c", "id", "fettle"),
    "a script that was changed": ("sh", "-c", f"{FIND[2]}; id", "fettle"),
    "a script with more arguments": (*FIND, "x"),
    "a script by another shell": ("bash", *FIND[1:]),
    "a program in the place of the tool": tuple("/bin/sh" if word == "/usr/bin/jcmd" else word for word in HEAP),
    "a tool without a path": tuple("jcmd" if word == "/usr/bin/jcmd" else word for word in HEAP),
    "an option for a number": tuple("-1" if word == "7" else word for word in HEAP),
    "another file to write": tuple("/etc/passwd" if word == FILE else word for word in HEAP),
    "another file to read": ("dd", "if=/var/run/secrets/token", "bs=1048576", "skip=0"),
    "a file to write by dd": ("dd", f"if={FILE}", "of=/etc/passwd", "skip=0"),
    "another file to remove": ("rm", "-f", "/data/db"),
    "a folder to remove": ("rm", "-rf", FILE),
    "a path with blanks": ("rm", "-f", f"/data/x y/fettle-{E}.hprof"),
    "another command of jcmd": ("/usr/bin/jcmd", "7", "VM.log", "-l"),
    "another signal": ("sh", "-c", 'kill -9 "$1"', "fettle", "7"),
    "a program in the place of the tool beside": ("sh", "-c", dump_scripts.THREADS_BESIDE, "fettle", "/bin/sh", "7"),
    "an option for a number beside": ("sh", "-c", dump_scripts.THREADS_BESIDE, "fettle", "/usr/bin/jcmd", "-1"),
    "kill of all": ("sh", "-c", dump_scripts.KILL, "fettle", "-1"),
    "nothing": (),
}


@pytest.mark.parametrize("argv", OTHERS.values(), ids=OTHERS)
def test_nothing_else_is_allowed(argv: tuple[str, ...]) -> None:
    assert refusals(argv)


def test_nothing_is_typed_attached_or_forwarded() -> None:
    assert refusals(FIND, stdin=True)
    assert refusals(FIND, tty=True)
    assert refusals(FIND, sub="attach")
    assert refusals((), sub="portforward")
