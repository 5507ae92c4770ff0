"""Two pod templates compared: names and "changed" for the environment, words for the rest, secrets for nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from bot.kube.template import compare, image_change
from tests.unit.cluster_states import recorded

Json = dict[str, Any]


def template(**changes: Any) -> Json:
    container = {
        "name": "api",
        "image": "registry.example/shop/api:1.4.1",
        "env": [{"name": "DB_URL", "value": "postgres://db"}, {"name": "POOL", "value": "10"}],
        "args": ["serve", "--pool=10"],
        "resources": {"limits": {"memory": "512Mi"}},
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 10},
    }
    return {"metadata": {"labels": {"app": "api"}}, "spec": {"containers": [container | changes], "volumes": []}}


def changed(change: Callable[[Json], object]) -> Json:
    made = copy.deepcopy(template())
    change(made)
    return made


def api(made: Json) -> Json:
    found: Json = made["spec"]["containers"][0]
    return found


CASES: list[tuple[str, Callable[[Json], object], str, tuple[str, ...]]] = [
    (
        "image",
        lambda made: api(made).update(image="registry.example/shop/api:1.4.2"),
        "image api:1.4.1 → 1.4.2",
        ("image api:1.4.1 → 1.4.2",),
    ),
    (
        "env by name",
        lambda made: api(made).update(env=[{"name": "POOL", "value": "20"}, {"name": "LOG", "value": "json"}]),
        "env: DB_URL gone, POOL changed, LOG new",
        ("env \N{MINUS SIGN} DB_URL", "env ~ POOL", "env + LOG"),
    ),
    (
        "limits",
        lambda made: api(made).update(resources={"limits": {"memory": "256Mi"}, "requests": {"cpu": "1"}}),
        "resources: cpu request none → 1, memory limit 512Mi → 256Mi",
        ("resources cpu request none → 1", "resources memory limit 512Mi → 256Mi"),
    ),
    (
        "probe",
        lambda made: api(made)["readinessProbe"]["httpGet"].update(path="/healthz"),
        "readiness probe: path /ready → /healthz",
        ("readiness probe path /ready → /healthz",),
    ),
    (
        "probe's header",
        lambda made: api(made)["readinessProbe"]["httpGet"].update(httpHeaders=[{"name": "X", "value": "s3cr3t"}]),
        "readiness probe: what it asks changed",
        ("readiness probe ~ what it asks",),
    ),
    (
        "probe gone",
        lambda made: api(made).pop("readinessProbe"),
        "readiness probe: the probe gone",
        ("readiness probe \N{MINUS SIGN} the probe",),
    ),
    (
        "arguments",
        lambda made: api(made).update(args=["serve", "--pool=50"]),
        "args: --pool=10 gone, --pool=50 new",
        ("args \N{MINUS SIGN} --pool=10", "args + --pool=50"),
    ),
    (
        "order of arguments",
        lambda made: api(made).update(args=["--pool=10", "serve"]),
        "args: the order changed",
        ("args ~ the order",),
    ),
    (
        "volume",
        lambda made: made["spec"].update(volumes=[{"name": "config", "configMap": {"name": "api-v2"}}]),
        "volume: config new",
        ("volume + config",),
    ),
    (
        "config annotation",
        lambda made: made["metadata"].update(annotations={"checksum/config": "ab12"}),
        "annotation: checksum/config new",
        ("annotation + checksum/config",),
    ),
    (
        "another field",
        lambda made: made["spec"].update(nodeSelector={"disk": "ssd"}, terminationGracePeriodSeconds=5),
        "pod: nodeSelector new, terminationGracePeriodSeconds none → 5",
        ("pod + nodeSelector", "pod terminationGracePeriodSeconds none → 5"),
    ),
]


@pytest.mark.parametrize(("change", "what", "lines"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_difference_in_words(change: Callable[[Json], object], what: str, lines: tuple[str, ...]) -> None:
    found = compare(template(), changed(change))
    assert (found.what, found.lines) == (what, lines)


@pytest.mark.parametrize("change", [case[1] for case in CASES], ids=[case[0] for case in CASES])
def test_resources_that_differ_are_told_beside_the_words(change: Callable[[Json], object]) -> None:
    """A variable called RATE_LIMIT has the word in it, and asks for nothing more."""
    made = changed(change)
    assert compare(template(), made).resources is (api(made)["resources"] != api(template())["resources"])


def test_several_containers_are_told_apart() -> None:
    def sidecar(made: Json) -> None:
        made["spec"]["containers"].append({"name": "proxy", "image": "envoy:1"})
        api(made)["image"] = "registry.example/shop/api:1.4.2"

    found = compare(template(), changed(sidecar))
    assert found.what == "api: image api:1.4.1 → 1.4.2; container: proxy (envoy:1) new"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("api:1", "api:2", "api:1 → 2"),
        ("r.example:5000/x/api:1", "r.example:5000/x/api:2", "api:1 → 2"),
        ("r.example/api:1", "other.example/api:1", "r.example/api:1 → other.example/api:1"),
        ("api", "api:2", "api:latest → 2"),
        ("api@sha256:aaaaaaaaaaaaaaaa", "api@sha256:bbbbbbbbbbbbbbbb", "api:sha256:aaaaaaaaaaaa → sha256:bbbbbbbbbbbb"),
        ("r.example:5000/api", "r.example:5000/api:3", "api:latest → 3"),
    ],
)
def test_an_image_is_named_by_what_differs(old: str, new: str, words: str) -> None:
    assert image_change(old, new) == words


SECRETS = ("hunter2hunter2", "AKIAABCDEFGHIJKLMNOP", "s3cr3t-value-of-env")


def test_no_value_of_the_environment_and_no_secret_argument_is_ever_shown() -> None:
    old = template(
        env=[{"name": "DB_PASSWORD", "value": SECRETS[2]}],
        args=["--password", SECRETS[0], f"--token={SECRETS[0]}", "--keep"],
    )
    new = template(
        env=[{"name": "DB_PASSWORD", "value": "another-s3cr3t-value-of-env"}],
        args=["--password", f"{SECRETS[0]}-new", f"--aws={SECRETS[1]}", "--keep"],
    )
    found = compare(old, new)
    assert "env: DB_PASSWORD changed" in found.what
    assert not [secret for secret in SECRETS if secret in str(found)]


def test_restart_annotations_and_hashes_are_no_difference() -> None:
    before, after = (recorded(name)["spec"]["template"] for name in ("deploy-before-restart", "deploy-after-restart"))
    assert compare(before, after).what == ""
    revisions = recorded("rs-list-revisions")["items"]
    old, new = revisions[1]["spec"]["template"], revisions[0]["spec"]["template"]
    assert compare(old, new).what == "image nginx:1.25 → 1.26"
    assert compare(old, old) == compare({}, {})


def test_a_difference_without_words_is_still_told() -> None:
    twin = template(env=[{"name": "POOL", "value": "10"}, {"name": "DB_URL", "value": "postgres://db"}])
    assert compare(template(), twin).what == "pod template changed"


def test_broken_templates_are_compared_and_not_tripped_over() -> None:
    assert compare({}, template()).what.startswith("container: api")
    assert compare({"spec": {"containers": None}}, {"spec": {"containers": [{}]}}) is not None
