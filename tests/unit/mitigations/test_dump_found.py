"""What the first look into a container tells, and what follows from it: nothing that isn't known is done."""

from __future__ import annotations

import pytest

from bot.domain.errors import RequestError
from bot.mitigations import dump_found
from bot.mitigations.dump_found import Found
from bot.mitigations.dump_scripts import COMMANDS, filled

MIB = 1024**2
TOLD = """\
me 1000
process java 7 1000 262144 2000000181005ccf
tool 7 jcmd /opt/java/bin/jcmd
tool 7 jmap /opt/java/bin/jmap
tool 7 jstack /opt/java/bin/jstack
process java 45 1000 1024 0000000000000000
tool 0 sha256sum /usr/bin/sha256sum
tool 0 dd /usr/bin/dd
mount overlay /
mount tmpfs /dev/shm
space 4194304 / /tmp
space 4194304 / /var/tmp
"""


def found(*without: str, **replaced: str) -> Found:
    lines = [line for line in TOLD.splitlines() if not any(word in line for word in without)]
    text = "\n".join(lines)
    for old, new in replaced.items():
        text = text.replace(old.replace("_", " "), new)
    return dump_found.read(text.encode())


def test_the_largest_java_process_is_meant_whatever_its_number() -> None:
    assert dump_found.jvm(found()).pid == 7
    assert dump_found.jvm(found("java 7 ")).pid == 45


def test_a_heap_dump_goes_to_the_first_folder_on_a_disk_with_room() -> None:
    look = found()
    size = dump_found.need(dump_found.jvm(look))
    assert size == 256 * MIB * 1.5 + 64 * MIB
    assert dump_found.folder_for(look, size).path == "/tmp"  # noqa: S108 - the container's
    with pytest.raises(RequestError, match="448 MiB, and /tmp has 100 MiB left"):
        dump_found.folder_for(found(space_4194304="space 102400"), size)


def test_a_folder_in_memory_is_no_place_for_it() -> None:
    for look in (found(**{"overlay_/": "tmpfs /"}), found("mount overlay")):
        with pytest.raises(RequestError, match="only in memory"):
            dump_found.folder_for(look, 1)
    with pytest.raises(RequestError, match="may write nowhere"):
        dump_found.folder_for(found("space"), 1)


def test_a_later_mount_covers_an_earlier_one() -> None:
    look = dump_found.read(b"mount ext4 /tmp\nmount tmpfs /tmp\nspace 4194304 /tmp /tmp\n")
    with pytest.raises(RequestError, match="only in memory"):
        dump_found.folder_for(look, 1)


@pytest.mark.parametrize(
    ("without", "command"),
    [
        ((), "threads with jcmd"),
        (("jcmd",), "threads with jstack"),
        (("jcmd", "jstack", "jmap"), "threads with kill -3"),
    ],
)
def test_threads_come_by_what_the_container_has(without: tuple[str, ...], command: str) -> None:
    assert dump_found.threads_of(found(*without)).command == command


def test_a_jvm_that_does_not_catch_the_signal_is_never_sent_it() -> None:
    look = found("jcmd", "jstack", "jmap", "java 7 ")
    with pytest.raises(RequestError, match="kill -3 would end it"):
        dump_found.threads_of(look)
    nonsense = dump_found.read(b"process java 7 0 1024 zz\n")
    with pytest.raises(RequestError, match="kill -3 would end it"):
        dump_found.threads_of(nonsense)


@pytest.mark.parametrize(
    ("without", "words"),
    [
        (("process",), "no Java process"),
        (("jcmd", "jmap"), "neither jcmd nor jmap"),
        (("sha256sum",), "no sha256sum"),
        (("dd /usr",), "no dd"),
    ],
)
def test_what_the_container_lacks_for_a_heap_dump_is_told(without: tuple[str, ...], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        dump_found.heap_of(found(*without))


@pytest.mark.parametrize(
    "line",
    [
        "tool 7 jcmd relative/jcmd", "tool 7 jcmd /tmp/$(id)/jcmd", "tool 7 jcmd /tmp/a b", "process java x 0 1 0",
        "space x / /tmp", "space 1 / /tmp;id", "space 1 / tmp", "me root", "", "process", "\x00\xff",
    ],
)  # fmt: skip
def test_what_a_container_makes_up_is_left_out(line: str) -> None:
    assert dump_found.read(line.encode(errors="replace")) == Found(0, (), (), {})


def test_only_whole_places_are_filled_and_scripts_stay_as_they_are() -> None:
    for name, argv in COMMANDS.items():
        made = filled(argv, pid=7, tool="/usr/bin/jcmd", file="/tmp/x.hprof", mib=8)  # noqa: S108 - the container's
        assert len(made) == len(argv), name
        assert not [word for word in made if "{" in word and "\n" not in word], name
        assert [word for word in made if "\n" in word] == [word for word in argv if "\n" in word]
    assert filled(("x{pid}", "{pid}y", "a={pid}b"), pid=7) == ("x{pid}", "{pid}y", "a={pid}b")
