"""The image is built from files that are there, by hash, without the sandbox; what is installed from it works.

Docker itself isn't asked: the wheel is built from what .dockerignore lets through, as the first stage does.
"""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from built import DEPLOY, ROOT, SETS, built, containers, one_of

from tests.patience import PATIENT

DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
LINES = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
IGNORED = [line for line in LINES if line and line[0] != "#"]
TOPS = ("bot", "commands", "alerts", "deploy", "docs")


def reaches_the_build(path: str) -> bool:
    """Whether .dockerignore lets a path through: the last line that matches it or a folder above it decides."""
    folders = [path, *(str(parent) for parent in Path(path).parents if str(parent) != ".")]
    kept = True
    for line in IGNORED:
        pattern = line.removeprefix("!").removeprefix("**/")
        names = folders if "**/" not in line else [Path(one).name for one in folders]
        if any(fnmatch.fnmatchcase(one, pattern) for one in names):
            kept = line.startswith("!")
    return kept


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the image's first stage."""
    context, out = tmp_path_factory.mktemp("context"), tmp_path_factory.mktemp("wheel")
    files = [str(path.relative_to(ROOT)) for top in TOPS for path in (ROOT / top).rglob("*")]
    files += [path.name for path in ROOT.iterdir() if path.is_file()]
    for name in files:
        if reaches_the_build(name) and (ROOT / name).is_file():
            (context / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, context / name)
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=context, check=True, capture_output=True)  # noqa: S603 - our own interpreter
    (built_one,) = out.glob("*.whl")
    return built_one


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel unpacked into a folder of its own."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def fettle(installed: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The program as it is in the image."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "bot", *words],
        cwd=installed.parent, env=environment, capture_output=True, text=True, check=False, timeout=PATIENT,
    )  # fmt: skip


def test_the_wheel_holds_the_program_and_not_the_sandbox(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {"bot/__main__.py", "bot/manifest.yml", "commands/listen.py", "alerts/webhook.py"} <= set(names)
    assert any(name.startswith("bot/storage/migrations/") for name in names)
    assert not [name for name in names if name.startswith(("bot/sandbox/", "tests", "docs", "deploy"))]


def test_manifest_works_where_it_is_installed(installed: Path) -> None:
    told = fettle(installed, "manifest")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout == (ROOT / "manifest.yml").read_text(encoding="utf-8")


def test_every_playbook_of_the_catalog_is_there_where_it_is_installed(installed: Path) -> None:
    told = fettle(installed, "playbooks", "check")
    files = len(list((ROOT / "bot" / "playbooks" / "catalog").glob("*.yaml")))
    assert (told.returncode, told.stderr) == (0, "")
    assert f"All is right: {files} playbooks." in told.stdout


def test_sandbox_says_how_to_get_it(installed: Path) -> None:
    told = fettle(installed, "sandbox")
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr == "The sandbox isn't in this image; run make sandbox in a copy of Fettle's sources.\n"


def test_no_bot_of_the_image_lets_a_sandbox_move_its_clock(installed: Path) -> None:
    """What would hear of it isn't there: no argument, however it got into a Deployment, moves that clock."""
    told = fettle(installed, "run", "--sandbox-clock", "0")
    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr == "The sandbox isn't in this image; run make sandbox in a copy of Fettle's sources.\n"


def test_every_file_that_the_image_copies_is_there_and_reaches_the_build() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    for name in " ".join(copied).split():
        assert (ROOT / name).exists()
        assert name == "." or reaches_the_build(name)


def test_the_image_takes_no_secret_and_no_test_along() -> None:
    for name in (".env", "data/fettle.db", ".git/config", "tests/conftest.py", "bot/sandbox/cli.py", "kubeconfig"):
        assert not reaches_the_build(name)
    assert reaches_the_build("bot/app.py")


def test_everything_is_installed_by_hash_and_what_builds_is_what_developers_use() -> None:
    for line in re.findall(r"pip install (.+?)(?: \\)?$", DOCKERFILE, re.MULTILINE):
        assert "--require-hashes" in line or "--no-deps --no-index" in line
    build = (DEPLOY / "build.lock").read_text(encoding="utf-8")
    pinned = re.findall(r"^[\w.-]+==\S+", build, re.MULTILINE)
    developed = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    assert pinned
    assert all(f"\n{one} " in developed for one in pinned)
    assert build.count("--hash=sha256:") >= len(pinned)
    assert "http" not in build


def test_the_image_runs_as_the_user_that_the_pod_names() -> None:
    security = one_of(built(SETS["base"]), "Deployment", "fettle")["spec"]["template"]["spec"]["securityContext"]
    assert f"\nUSER {security['runAsUser']}:{security['runAsGroup']}\n" in DOCKERFILE
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["python:3.11-slim"] * 2
    assert '\nENTRYPOINT ["fettle"]\nCMD ["run"]\n' in DOCKERFILE


def test_the_image_is_named_as_the_version_is() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert version is not None
    for folder in SETS.values():
        assert {one["image"].rsplit(":", 1)[1] for one in containers(built(folder))} == {version[1]}
