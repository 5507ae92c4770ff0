"""A folder of playbooks: it overrides by name, it is whole or it isn't taken, and a change of it counts by itself."""

import os
import shutil
from pathlib import Path

import jsonschema
import pytest
import yaml

from bot.domain.errors import ConfigError
from bot.domain.severity import Severity
from bot.playbooks import loader
from bot.playbooks.schema import json_schema
from bot.playbooks.shelf import Shelf

MINE = "name: {name}\ntitle: Mine\nmatch: {{alerts: [{alert}]}}\nevidence: [pods]\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "playbooks"
    made.mkdir()
    return made


def write(folder: Path, name: str, alert: str = "A", *more: str) -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(MINE.format(name=name, alert=alert) + "".join(more), encoding="utf-8")
    return file


def settled(shelf: Shelf) -> None:
    """Two looks, as the tick makes them: the second sees the folder stand still."""
    for _ in range(2):
        found = shelf.look()
        if found is not None:
            shelf.take(found)


def test_a_playbook_of_the_folder_takes_the_place_of_the_built_in_one_of_its_name(folder: Path) -> None:
    write(folder, "pod-crash-looping", "KubePodCrashLooping")
    write(folder, "more", "Mine")
    found = loader.load(folder)
    assert found.own == {"pod-crash-looping", "more"}
    assert found.replaced == {"pod-crash-looping"}
    assert len(found.playbooks) == len(loader.built_in().playbooks) + 1
    assert found.choose({"alertname": "KubePodCrashLooping"}, Severity.SEV3).title == "Mine"


def test_everything_that_is_wrong_in_a_folder_is_said_at_once_and_nothing_of_it_is_taken(folder: Path) -> None:
    write(folder, "right")
    write(folder, "one", "A", "colour: red\n")
    (folder / "two.yaml").write_text("name: three\ntitle: t\nevidence: [pods]\n", encoding="utf-8")
    (folder / "four.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError) as refused:
        loader.load(folder)
    told = "\n".join(refused.value.sentences)
    assert "one.yaml, line 5: colour is no key" in told
    assert "two.yaml: its name is three, so the file must be three.yaml." in told
    assert "four.yml can't be read" in told
    assert len(refused.value.sentences) == 3


def test_two_files_of_one_name_are_refused(folder: Path) -> None:
    shutil.copy(write(folder, "same"), folder / "same.yml")
    with pytest.raises(ConfigError, match="two playbooks of the name same"):
        loader.load(folder)


def test_other_files_hidden_ones_and_folders_do_not_count(folder: Path) -> None:
    write(folder, "right")
    (folder / "README.md").write_text("no playbook", encoding="utf-8")
    (folder / ".hidden.yaml").write_text("no playbook", encoding="utf-8")
    (folder / "deeper.yaml").mkdir()
    assert loader.load(folder).own == {"right"}


def test_a_folder_that_is_not_there_is_a_sentence(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"PLAYBOOKS_DIR is “.*missing”, which can't be read"):
        loader.load(folder / "missing")


def test_a_change_counts_once_the_folder_stands_still(folder: Path) -> None:
    write(folder, "mine")
    shelf = Shelf(folder)
    before = shelf.current.hash
    assert shelf.look() is None
    write(folder, "mine", "B")
    assert shelf.look() is None  # it may still be written
    found = shelf.look()
    assert found is not None
    assert shelf.current.hash == before  # not in force before somebody took it
    shelf.take(found)
    assert shelf.current.choose({"alertname": "B"}, Severity.SEV3).name == "mine"
    assert shelf.look() is None
    assert shelf.look() is None


def test_what_was_not_taken_is_found_again(folder: Path) -> None:
    """The store may not have taken the audit entry: then the set isn't in force, and comes again."""
    shelf = Shelf(folder)
    write(folder, "mine")
    shelf.look()
    assert shelf.look() is not None
    assert shelf.look() is not None


def test_a_wrong_folder_keeps_the_old_set_and_says_why_until_it_is_right(folder: Path) -> None:
    file = write(folder, "mine")
    shelf = Shelf(folder)
    before = shelf.current
    file.write_text("name: mine\n", encoding="utf-8")
    settled(shelf)
    assert shelf.current is before
    assert any("title is missing" in one for one in shelf.problems)
    assert shelf.status()["problems"] == list(shelf.problems)
    write(folder, "mine")  # as it was
    settled(shelf)
    assert not shelf.problems
    write(folder, "other")
    settled(shelf)
    assert shelf.current.own == {"mine", "other"}


def test_a_folder_that_vanishes_keeps_the_old_set_and_may_come_back(folder: Path, tmp_path: Path) -> None:
    write(folder, "mine")
    shelf = Shelf(folder)
    folder.rename(tmp_path / "elsewhere")
    settled(shelf)
    assert shelf.current.own == {"mine"}
    assert "can't be read" in shelf.problems[0]
    (tmp_path / "elsewhere").rename(folder)
    settled(shelf)
    assert not shelf.problems


def test_a_config_map_that_is_swapped_by_a_link_counts(folder: Path) -> None:
    """A mounted ConfigMap changes by one rename of a link; its files keep their names and may keep their times."""
    for version, alert in (("v1", "A"), ("v2", "B")):
        (folder / f"..{version}").mkdir()
        file = write(folder / f"..{version}", "mine", alert)
        os.utime(file, (1_700_000_000, 1_700_000_000))
    (folder / "..data").symlink_to("..v1")
    (folder / "mine.yaml").symlink_to("..data/mine.yaml")
    shelf = Shelf(folder)
    assert shelf.current.choose({"alertname": "A"}, Severity.SEV3).name == "mine"
    (folder / "..new").symlink_to("..v2")
    (folder / "..new").rename(folder / "..data")
    settled(shelf)
    assert shelf.current.choose({"alertname": "B"}, Severity.SEV3).name == "mine"


def test_without_a_folder_the_catalog_is_in_force_and_nothing_is_looked_at() -> None:
    shelf = Shelf()
    assert shelf.current is loader.built_in()
    assert shelf.look() is None


@pytest.mark.parametrize("file", loader.files(loader.CATALOG), ids=lambda file: file.stem)
def test_the_published_schema_takes_every_file_of_the_catalog(file: Path) -> None:
    jsonschema.Draft202012Validator(json_schema()).validate(yaml.safe_load(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "wrong",
    [
        {"colour": "red"},
        {"findings": {"crash_lop": []}},
        {"findings": {"crash_loop": ["restrat"]}},
        {"queries": ["node_cpus"]},
        {"guards": {"min_replicas": 0}},
        {"severity": "SEV1"},
        {"approval": {"quorum": 0}},
        {"routing": {"quiet": {"from": "22:00"}}},
    ],
    ids=lambda one: next(iter(one)),
)
def test_the_published_schema_refuses_what_the_loader_refuses(wrong: dict[str, object]) -> None:
    given = {"name": "mine", "title": "Mine", "evidence": ["pods", "metrics"], **wrong}
    validator = jsonschema.Draft202012Validator(json_schema())
    assert list(validator.iter_errors(given))
    with pytest.raises(ConfigError):
        loader.parse(yaml.safe_dump(given), "mine.yaml")
