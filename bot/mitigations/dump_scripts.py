"""What dumps run in a container: a few fixed POSIX scripts; numbers and paths come to them as arguments alone.

They go by what any image with a shell has. None ends, signals (but for the one that asks a JVM for its threads) or
changes anything; one writes one file, in a folder that was found to be a disk with room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SHELL = ("sh", "-c")
NAME = "fettle"
"""``$0`` of the scripts: what a process list shows."""

_EACH = r"""echo "me $(id -u)"
for d in /proc/[0-9]*; do
  [ -r "$d/status" ] || continue
  exe=$(readlink "$d/exe" 2>/dev/null)
  exe=${exe%" (deleted)"}
  comm=
  read -r comm < "$d/comm"
  case "$comm:${exe##*/}" in
    java:* | *:java) kind=java ;;
    *:python*) kind=python ;;
    *) continue ;;
  esac
  uid= rss=0 caught=0
  while read -r key value rest; do
    case "$key" in
      Uid:) uid=$value ;;
      VmRSS:) rss=$value ;;
      SigCgt:) caught=$value ;;
    esac
  done < "$d/status"
"""
"""What both look at first: each process that is one of a JVM or of Python, and what it may be asked by."""
FIND = (
    _EACH
    + r"""  echo "process $kind ${d#/proc/} $uid $rss $caught"
  [ "$kind" = java ] || continue
  for tool in jcmd jmap jstack; do
    for at in "${exe%/*}/$tool" "$(command -v "$tool")"; do
      [ -n "$at" ] && [ -x "$at" ] && echo "tool ${d#/proc/} $tool $at" && break
    done
  done
done 2>/dev/null
for tool in py-spy sha256sum dd; do
  at=$(command -v "$tool") && echo "tool 0 $tool $at"
done
while read -r _ at kind _; do echo "mount $kind $at"; done < /proc/mounts
for at in /tmp /var/tmp "${TMPDIR:-/tmp}"; do
  [ -w "$at" ] || continue
  df -Pk "$at" 2>/dev/null | while read -r _ _ _ free _ mounted; do echo "space $free $mounted $at"; done
done
exit 0"""
)
"""Lines: ``me UID``, ``process KIND PID UID RSS_KIB CAUGHT``, ``tool PID NAME PATH``, ``mount TYPE AT``, ``space
FREE_KIB MOUNTED_AT FOLDER``."""

FIND_BESIDE = (
    _EACH
    + r"""  [ -d "$d/root/." ] || { echo "locked $kind $uid"; continue; }
  echo "process $kind ${d#/proc/} $uid $rss $caught"
  while read -r _ at type _; do echo "mount $type $at"; done < "$d/mounts"
  for at in /tmp /var/tmp; do
    [ -d "$d/root$at" ] && [ -w "$d/root$at" ] || continue
    df -Pk "$d/root$at" 2>/dev/null | while read -r _ _ _ free _; do echo "space $free - $at"; done
  done
  [ "$kind" = java ] || continue
  at=$(command -v jcmd) && echo "tool ${d#/proc/} jcmd $at"
done
for tool in py-spy sha256sum dd; do
  at=$(command -v "$tool") && echo "tool 0 $tool $at"
done
exit 0"""
)
"""The same from beside the container: tools are our own, folders and mounts those of the process. The mount that a
folder lies in is a dash: it is the longest that fits. ``locked KIND UID`` is a process that we can't look into."""

HEAP_JCMD = r"""umask 077
[ ! -e "$3" ] || { echo "$3 is there already" >&2; exit 3; }
"$1" "$2" GC.heap_dump "$3" >&2 || exit 4
[ -s "$3" ] || { echo "the JVM wrote no file" >&2; exit 5; }
set -- "$3" $(sha256sum "$3")
printf "%s %s\n" "$(wc -c < "$1")" "$2"; exit 0"""
HEAP_JMAP = HEAP_JCMD.replace('"$1" "$2" GC.heap_dump "$3"', '"$1" "-dump:live,format=b,file=$3" "$2"')
"""``$1`` the tool, ``$2`` the pid, ``$3`` the file; prints size and SHA-256 of what it wrote."""
_ATTACH = r"""own=/tmp/.java_pid$2
way=/proc/$2/root$own
if [ ! -S "$way" ]; then
  : > "/proc/$2/root/tmp/.attach_pid$2" && kill -3 "$2"
  n=0
  while [ ! -S "$way" ] && [ "$n" -lt 20 ]; do sleep 1; n=$((n+1)); done
  rm -f "/proc/$2/root/tmp/.attach_pid$2"
fi
[ -S "$way" ] || { echo "the JVM lets nobody attach" >&2; exit 6; }
[ -e "$own" ] || ln -s "$way" "$own"
"""
"""Some jcmd look for a JVM of the same pid namespace in their own /tmp alone (JDK-8327114): so the JVM is asked here as
jcmd asks it, by a file and SIGQUIT, and its socket gets a name in our /tmp. Only for one that catches SIGQUIT."""
THREADS_BESIDE = _ATTACH + 'exec "$1" "$2" Thread.print -l'
HEAP_BESIDE = (
    _ATTACH
    + r"""at=/proc/$2/root$3
[ ! -e "$at" ] || { echo "$3 is there already" >&2; exit 3; }
"$1" "$2" GC.heap_dump "$3" >&2 || exit 4
[ -s "$at" ] || { echo "the JVM wrote no file" >&2; exit 5; }
set -- "$at" $(sha256sum "$at")
printf "%s %s\n" "$(wc -c < "$1")" "$2"; exit 0"""
)
"""The same from beside it: the JVM writes below its own root, which is read through its process."""
BESIDE = "beside: "
"""How the commands begin that only run in a debug container."""

KILL = 'kill -3 "$1"'
BY_SIGNAL = "threads with kill -3"
"""The one command after which the JVM answers in its container's log."""

Commands = Mapping[str, Sequence[str]]
COMMANDS: Commands = {
    "find": (*SHELL, FIND, NAME),
    "threads with jcmd": ("{tool}", "{pid}", "Thread.print", "-l"),
    "threads with jstack": ("{tool}", "-l", "{pid}"),
    BY_SIGNAL: (*SHELL, KILL, NAME, "{pid}"),
    "threads with py-spy": ("{tool}", "dump", "--pid", "{pid}"),
    "heap with jcmd": (*SHELL, HEAP_JCMD, NAME, "{tool}", "{pid}", "{file}"),
    "heap with jmap": (*SHELL, HEAP_JMAP, NAME, "{tool}", "{pid}", "{file}"),
    f"{BESIDE}find": (*SHELL, FIND_BESIDE, NAME),
    f"{BESIDE}threads with jcmd": (*SHELL, THREADS_BESIDE, NAME, "{tool}", "{pid}"),
    f"{BESIDE}heap with jcmd": (*SHELL, HEAP_BESIDE, NAME, "{tool}", "{pid}", "{file}"),
    "read": ("dd", "if={file}", "bs=1048576", "skip={mib}"),
    "remove": ("rm", "-f", "{file}"),
}
"""Everything that may run in a container. The places in braces are filled with numbers and paths that ``find`` told or
Fettle chose; a test holds that no other place is filled."""


def filled(argv: Sequence[str], **places: object) -> tuple[str, ...]:
    """An argv with its places filled; a script is never touched, since it takes its arguments as they are."""
    known = {f"{{{name}}}": str(value) for name, value in places.items()}

    def one(word: str) -> str:
        for place, value in known.items():
            if word == place:
                return value
            if word.endswith(f"={place}"):
                return word.removesuffix(place) + value
        return word

    return tuple(one(word) for word in argv)
