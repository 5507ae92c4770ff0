"""The roles grant what the program asks for, all of it and nothing else."""

from itertools import product

import pytest
from built import DEPLOY, SETS, Object, built, objects, one_of

from bot import rights
from bot.domain.mitigation import TRAITS, Action
from bot.kube.objects import READ_RIGHTS
from bot.mitigations.catalog import CATALOG


def granted(role: Object) -> set[tuple[str, str, str]]:
    """(verb, group, resource) of every rule."""
    return {
        right
        for rule in role["rules"]
        for right in product(rule["verbs"], rule.get("apiGroups", []), rule.get("resources", []))
    }


def roles(name: str) -> list[Object]:
    return [one for one in built(SETS[name]) if one["kind"] in {"Role", "ClusterRole"}]


def test_the_read_role_grants_what_is_read_and_nothing_else() -> None:
    read = granted(one_of(built(SETS["base"]), "ClusterRole", "fettle-read"))
    assert read == READ_RIGHTS
    assert read == rights.NEEDED


def test_each_role_grants_what_its_mitigations_write_and_nothing_else() -> None:
    found = built(SETS["base"])
    read = granted(one_of(found, "ClusterRole", "fettle-read"))
    for role in {TRAITS[action].role for action in Action}:
        mine = [CATALOG[action] for action in Action if TRAITS[action].role == role]
        needed = {right for one in mine for rights in one.rights.values() for right in rights}
        assert granted(one_of(found, "ClusterRole", role)) == needed - read, role
        (bound,) = objects(DEPLOY / f"bind-{role.removeprefix('fettle-')}.yaml")
        assert bound["roleRef"]["name"] == role


def test_the_role_that_asks_about_people_does_nothing_else_and_is_bound_by_hand() -> None:
    assert granted(one_of(built(SETS["base"]), "ClusterRole", "fettle-review")) == rights.REVIEW
    (bound,) = objects(DEPLOY / "bind-review.yaml")
    assert (bound["kind"], bound["roleRef"]["name"]) == ("ClusterRoleBinding", "fettle-review")
    (account,) = bound["subjects"]
    assert (account["name"], account["namespace"]) == ("fettle", "fettle")


@pytest.mark.parametrize("name", SETS)
def test_no_role_grants_secrets_wildcards_or_what_doctor_calls_too_much(name: str) -> None:
    given = set().union(*(granted(role) for role in roles(name)))
    assert not {right for right in given if "*" in right or right[2].split("/")[0] == "secrets"}
    assert {right[0] for right in given if right[2] == "configmaps"} <= {"get", "watch"}, "never a list of all values"
    needed = rights.NEEDED | rights.needed_to_act(Action) | rights.REVIEW
    assert not given & (set(rights.TOO_MUCH) - needed)
    assert given <= needed
    assert not any(
        "nonResourceURLs" in rule or "resourceNames" in rule for role in roles(name) for rule in role["rules"]
    )


def test_no_file_grants_secrets_whether_it_is_applied_or_not() -> None:
    """Nobody takes a role from another folder that says more than those which are built."""
    files = [path for path in DEPLOY.rglob("*.yaml") if "schemas" not in path.parts]
    rules = [rule for path in files for one in objects(path) if one for rule in one.get("rules") or []]
    named = {name.split("/")[0] for rule in rules for name in rule.get("resources", [])}
    assert "pods" in named
    assert not named & {"secrets", "*"}


def test_the_base_binds_looking_alone() -> None:
    bound = [one for one in built(SETS["base"]) if one["kind"].endswith("RoleBinding")]
    assert [one["metadata"]["name"] for one in bound] == ["fettle-read"]


def test_the_example_binds_restarts_where_its_settings_allow_them() -> None:
    found = built(SETS["example"])
    (alone,) = objects(DEPLOY / "bind-patch.yaml")
    bound = [one for one in found if one["kind"] == "RoleBinding"]
    allowed = one_of(found, "ConfigMap", "fettle-settings")["data"]["ALLOWED_NAMESPACES"].split(",")
    assert [one["metadata"].pop("namespace") for one in bound] == allowed
    assert bound == [alone] * len(allowed)


@pytest.mark.parametrize("name", SETS)
def test_each_binding_names_a_role_and_the_account_that_the_pod_uses(name: str) -> None:
    found = built(SETS[name])
    account = one_of(found, "ServiceAccount", "fettle")["metadata"]
    pod = one_of(found, "Deployment", "fettle")["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == account["name"]
    for binding in (one for one in found if one["kind"].endswith("RoleBinding")):
        assert one_of(found, binding["roleRef"]["kind"], binding["roleRef"]["name"])
        assert binding["subjects"] == [{"kind": "ServiceAccount", **account}]


def test_the_path_in_the_readme_is_the_base_s_file() -> None:
    assert (DEPLOY / "rbac.yaml").resolve() == DEPLOY / "base" / "rbac.yaml"
