"""Breaking with one press: what each harm shows, when its alert would fire, and that all of it can be undone."""

import pytest

from bot.sandbox.alert_names import RULES
from bot.sandbox.harms import HARMS, Harming
from bot.sandbox.kubernetes.cluster import Cluster
from bot.sandbox.page.panels import reading
from bot.sandbox.slack.errors import NotThere


def furnished() -> Cluster:
    cluster = Cluster(ready_after=0.5)
    cluster.deployment("shop", "api", replicas=3, image="registry.example/shop/api:1.4.1")
    cluster.advance(120)
    return cluster


def words(cluster: Cluster) -> set[str]:
    (api,) = [one for one in reading.workloads(cluster) if one.place == "shop/api"]
    return {tile.state.word for tile in api.tiles} | {state.word for state in api.conditions}


SHOWN = {
    "crash-next": "Crash loop",
    "image-missing": "No image",
    "oom": "Crash loop",
    "not-ready": "Not ready",
    "node-down": "Not ready",
    "stuck": "stuck: ProgressDeadlineExceeded",
}


@pytest.mark.parametrize("name", SHOWN)
def test_a_harm_shows_as_what_it_is_and_is_put_right_again(name: str) -> None:
    cluster = furnished()
    harming = Harming(cluster)
    harm, site, node, said = harming.harm(name, "shop/api")
    assert said.startswith("shop/api: ")
    assert (node != "") == (name == "node-down")
    for _ in range(90):
        cluster.advance(1)
        if SHOWN[name] in words(cluster) and harm.shows(site):
            break
    else:
        pytest.fail(f"{name} never showed: {words(cluster)}")
    assert harming.put_right() == "Well again: shop/api."
    cluster.advance(60)
    assert words(cluster) == {"Ready", "available", "rolled out"}
    assert {one.state.word for one in reading.nodes(cluster)} == {"Ready"}


def test_a_budget_of_zero_lets_nothing_go_until_it_is_put_right() -> None:
    cluster = furnished()
    harming = Harming(cluster)
    harming.harm("no-budget", "shop/api")
    cluster.advance(1)
    (api,) = reading.workloads(cluster)
    assert "budget allows 0 to go" in api.facts
    harming.put_right()
    assert cluster.list("PodDisruptionBudget") == []


def test_every_harm_names_an_alert_that_there_is() -> None:
    assert {harm.alert for harm in HARMS.values() if harm.alert} <= RULES.keys()


def test_a_bad_image_is_the_next_one_and_the_old_one_is_back_when_it_is_put_right() -> None:
    cluster = furnished()
    harming = Harming(cluster)

    def image() -> str:
        found = cluster.get("Deployment", "shop", "api")
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])

    harming.harm("crash-next", "shop/api")
    harming.harm("image-missing", "shop/api")
    assert image() == "registry.example/shop/api:1.4.3-relase"
    harming.put_right()
    assert image() == "registry.example/shop/api:1.4.1"
    assert harming.put_right() == "Nothing was broken from here."


def test_what_is_gone_needs_no_putting_right() -> None:
    cluster = furnished()
    harming = Harming(cluster)
    harming.harm("no-budget", "shop/api")
    cluster.delete("Deployment", "shop", "api")
    cluster.advance(5)
    assert harming.put_right() == "Well again: shop/api."


@pytest.mark.parametrize(
    ("name", "workload", "said"),
    [
        ("melt", "shop/api", "no way to break called melt"),
        ("oom", "shop/nothing", "no workload shop/nothing"),
        ("oom", "", "no workload (none)"),
    ],
)
def test_what_cannot_be_broken_is_said_in_a_sentence(name: str, workload: str, said: str) -> None:
    with pytest.raises(NotThere, match=said.replace("(", r"\(").replace(")", r"\)")):
        Harming(furnished()).harm(name, workload)


def test_what_runs_no_more_cannot_run_out_of_memory_again() -> None:
    cluster = furnished()
    harming = Harming(cluster)
    cluster.deployment("shop", "empty", replicas=0)
    cluster.advance(5)
    with pytest.raises(NotThere, match="No pod of shop/empty runs"):
        harming.harm("oom", "shop/empty")
    with pytest.raises(NotThere, match="no pod on any node"):
        harming.harm("node-down", "shop/empty")
