"""A stand-in for a JVM in a pod here: a process called java, and beside it a jcmd that answers in the form of the real.

So a dump can be seen on a machine without a JDK. No Java runs in it: what it tells says so, and says nothing of a
real program.
"""

from collections.abc import Mapping
from typing import Any

from bot.sandbox.kubernetes.containers import Container, Containers

LOOP = "while :; do sleep 3600; done"
BEGIN = (
    'cp "$(readlink -f /proc/$$/exe)" /tmp/java && printf "%s" "$1" > /tmp/jcmd && chmod 755 /tmp/jcmd '
    '&& echo up && exec /tmp/java -c "$2"'
)
"""A copy of the shell is called java; to it the tool that lies beside is the first that is found."""

JCMD = r"""#!/bin/sh
case "$2" in
Thread.print)
  printf '%s:\n%s\nFull thread dump of the stand-in for a JVM of the sandbox:\n\n' "$1" "$(date '+%Y-%m-%d %H:%M:%S')"
  printf '"main" #1 prio=5 os_prio=0 tid=0x01 nid=0x01 waiting on condition\n'
  printf '   java.lang.Thread.State: WAITING (parking)\n\tat sandbox.StandIn.waits(StandIn.java:1)\n\n'
  printf 'JNI global refs: 0, weak refs: 0\n' ;;
GC.heap_dump)
  printf 'JAVA PROFILE 1.0.2\0\0\0\0\010\0\0\0\0\0\0\0\0\054\0\0\0\0\0\0\0\0' > "$3" && echo "Heap dump file created" ;;
*) exit 1 ;;
esac
"""
SILENT = """#!/bin/sh
echo "Unable to open socket file: the target process doesn't respond" >&2
exit 1
"""
"""What jcmd says to a JVM that hangs so that it doesn't attach."""


async def start(containers: Containers, pod: Mapping[str, Any], *, silent: bool = False) -> Container:
    """The first container of this pod with a stand-in in it; a ``silent`` one can't be dumped."""
    container = pod["spec"]["containers"][0]["name"]
    jcmd = SILENT if silent else JCMD
    return await containers.start(pod["metadata"]["uid"], container, ("sh", "-c", BEGIN, "sh", jcmd, LOOP))
