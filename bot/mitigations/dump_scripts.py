"""What dumps run in a container: a few fixed POSIX scripts; numbers and paths come to them as arguments alone.

They go by what any image with a shell has. None ends, signals (but for the one that asks a JVM for its threads) or
changes anything; one writes one file, in a folder that was found to be a disk with room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

SHELL = ("sh", "-c")
NAME = "fettle"
"""``$0`` of the scripts: what a process list shows."""

FIND = r"""echo "me $(id -u)"
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
  echo "process $kind ${d#/proc/} $uid $rss $caught"
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
"""Lines: ``me UID``, ``process KIND PID UID RSS_KIB CAUGHT``, ``tool PID NAME PATH``, ``mount TYPE AT``, ``space
FREE_KIB MOUNTED_AT FOLDER``."""

HEAP_JCMD = r"""umask 077
[ ! -e "$3" ] || { echo "$3 is there already" >&2; exit 3; }
"$1" "$2" GC.heap_dump "$3" >&2 || exit 4
[ -s "$3" ] || { echo "the JVM wrote no file" >&2; exit 5; }
set -- "$3" $(sha256sum "$3")
printf "%s %s\n" "$(wc -c < "$1")" "$2"; exit 0"""
HEAP_JMAP = HEAP_JCMD.replace('"$1" "$2" GC.heap_dump "$3"', '"$1" "-dump:live,format=b,file=$3" "$2"')
"""``$1`` the tool, ``$2`` the pid, ``$3`` the file; prints size and SHA-256 of what it wrote."""

KILL = 'kill -3 "$1"'

Commands = Mapping[str, Sequence[str]]
COMMANDS: Commands = {
    "find": (*SHELL, FIND, NAME),
    "threads with jcmd": ("{tool}", "{pid}", "Thread.print", "-l"),
    "threads with jstack": ("{tool}", "-l", "{pid}"),
    "threads with kill -3": (*SHELL, KILL, NAME, "{pid}"),
    "threads with py-spy": ("{tool}", "dump", "--pid", "{pid}"),
    "heap with jcmd": (*SHELL, HEAP_JCMD, NAME, "{tool}", "{pid}", "{file}"),
    "heap with jmap": (*SHELL, HEAP_JMAP, NAME, "{tool}", "{pid}", "{file}"),
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
