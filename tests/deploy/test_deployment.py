"""The Deployment agrees with the settings, their defaults and the listeners, and asks for no right over its node."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from built import DEPLOY, SETS, Object, built, containers, one_of

from bot import app
from bot.settings import DESCRIPTIONS, SECRET, Settings, load


@pytest.fixture(params=SETS)
def found(request: pytest.FixtureRequest) -> list[Object]:
    """Either set."""
    return built(SETS[request.param])


def pod(found: list[Object]) -> dict[str, Any]:
    spec: dict[str, Any] = one_of(found, "Deployment", "fettle")["spec"]["template"]["spec"]
    return spec


def test_every_name_in_the_environment_is_a_setting(found: list[Object]) -> None:
    (container,) = containers(found)
    known = {*DESCRIPTIONS, *(f"{name}_FILE" for name in SECRET)}
    assert {one["name"] for one in container["env"]} <= known
    assert set(one_of(found, "ConfigMap", "fettle-settings")["data"]) <= set(DESCRIPTIONS) - SECRET


def test_no_token_stands_in_the_files_they_come_from_a_secret_as_files(found: list[Object]) -> None:
    (container,) = containers(found)
    mount = next(one["mountPath"] for one in container["volumeMounts"] if one["name"] == "tokens")
    files = {one["name"]: one["value"] for one in container["env"] if one["name"].endswith("_FILE")}
    assert set(files) == {"SLACK_BOT_TOKEN_FILE", "SLACK_APP_TOKEN_FILE", "WEBHOOK_TOKENS_FILE"}
    assert all(path.startswith(f"{mount}/") for path in files.values())
    text = (DEPLOY / "base" / "deployment.yaml").read_text(encoding="utf-8")
    assert all(f"--from-file={path.rsplit('/', 1)[1]}" in text for path in files.values())
    assert not [one for one in found if one["kind"] == "Secret"]


def test_the_program_takes_these_settings(found: list[Object], tmp_path: Any) -> None:
    (container,) = containers(found)
    env = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    named = {one["name"]: one["valueFrom"] for one in container["env"] if "valueFrom" in one}
    assert named == {"OWN_NODE": {"fieldRef": {"fieldPath": "spec.nodeName"}}}
    env |= one_of(found, "ConfigMap", "fettle-settings")["data"] | {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    for name, token in (("SLACK_BOT_TOKEN", "xoxb-1"), ("SLACK_APP_TOKEN", "xapp-1"), ("WEBHOOK_TOKENS", "w" * 32)):
        (tmp_path / name).write_text(token)
        env[f"{name}_FILE"] = str(tmp_path / name)
    settings = load(env, tmp_path / "none.env", tmp_path / "none.yaml")
    assert settings.DATABASE_URL == "sqlite:////data/fettle.db"
    assert settings.LISTEN_HOST == "0.0.0.0"
    assert settings.may_act == (settings.MODE == "act")


def test_ports_are_the_settings_defaults_from_container_to_policy(found: list[Object]) -> None:
    defaults = {
        "webhook": Settings.model_fields["LISTEN_PORT"].default,
        "metrics": Settings.model_fields["METRICS_PORT"].default,
    }
    (container,) = containers(found)
    assert {one["name"]: one["containerPort"] for one in container["ports"]} == defaults
    ports = one_of(found, "Service", "fettle")["spec"]["ports"]
    assert {one["targetPort"]: one["port"] for one in ports} == defaults
    (rule,) = one_of(found, "NetworkPolicy", "fettle")["spec"]["ingress"]
    assert {one["port"] for one in rule["ports"]} == set(defaults)
    receiver = yaml.safe_load((DEPLOY / "examples" / "alertmanager.yml").read_text(encoding="utf-8"))["receivers"][0]
    service = one_of(found, "Service", "fettle")["metadata"]
    root = f"http://{service['name']}.{service['namespace']}.svc:{defaults['webhook']}"
    assert receiver["webhook_configs"][0]["url"] == f"{root}/webhooks/alertmanager"


def test_selectors_find_the_pod(found: list[Object]) -> None:
    deployment = one_of(found, "Deployment", "fettle")["spec"]
    labels = deployment["template"]["metadata"]["labels"].items()
    assert deployment["selector"]["matchLabels"].items() <= labels
    assert one_of(found, "Service", "fettle")["spec"]["selector"].items() <= labels
    assert one_of(found, "NetworkPolicy", "fettle")["spec"]["podSelector"]["matchLabels"].items() <= labels


def test_there_is_never_a_second_process_on_the_database(found: list[Object]) -> None:
    spec = one_of(found, "Deployment", "fettle")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    claim = next(one for one in pod(found)["volumes"] if one["name"] == "data")["persistentVolumeClaim"]["claimName"]
    assert one_of(found, "PersistentVolumeClaim", claim)["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_the_pod_may_end_its_work_before_it_is_killed(found: list[Object]) -> None:
    assert pod(found)["terminationGracePeriodSeconds"] >= 20 > app.DRAIN


def test_the_pod_passes_the_restricted_standard_that_its_namespace_enforces(found: list[Object]) -> None:
    """The list of the Pod Security Standard "restricted", and a root file system that can't be written besides."""
    namespace = one_of(found, "Namespace", "fettle")["metadata"]
    assert namespace["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    spec = pod(found)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC", "initContainers"}
    assert {next(iter(one.keys() - {"name"})) for one in spec["volumes"]} <= {
        "persistentVolumeClaim",
        "secret",
        "emptyDir",
    }
    (container,) = containers(found)
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert all("hostPort" not in port for port in container["ports"])


def test_what_is_written_is_mounted(found: list[Object]) -> None:
    (container,) = containers(found)
    writable = {one["mountPath"] for one in container["volumeMounts"] if not one.get("readOnly")}
    assert writable == {"/data", "/tmp"}  # noqa: S108 - the path inside the pod
    assert {one["name"]: one["value"] for one in container["env"] if one["name"] == "DATA_DIR"} == {"DATA_DIR": "/data"}


def test_probes_ask_the_routes_that_answer_without_slack_and_cluster(found: list[Object]) -> None:
    (container,) = containers(found)
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert {one["port"] for one in probes.values()} == {"webhook"}
    assert {name: one["path"] for name, one in probes.items()} == {
        "startup": "/healthz",
        "liveness": "/healthz",
        "readiness": "/readyz",
    }


def test_the_network_lets_out_names_slack_the_cluster_and_monitoring_alone(found: list[Object]) -> None:
    spec = one_of(found, "NetworkPolicy", "fettle")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert {port["port"] for rule in spec["egress"] for port in rule["ports"]} == {53, 443, 6443, 9090, 9093, 3100}


def test_the_first_settings_only_look() -> None:
    assert one_of(built(SETS["base"]), "ConfigMap", "fettle-settings")["data"] == {"MODE": "observe"}


def test_an_alert_goes_to_fettle_and_still_to_the_pager() -> None:
    """A route that matches everything hides its parent's receiver: the pager needs a route below it."""
    table = yaml.safe_load((DEPLOY / "examples" / "alertmanager.yml").read_text(encoding="utf-8"))
    first, *others = table["route"]["routes"]
    assert first == {"receiver": "fettle", "continue": True}
    assert others[-1] == {"receiver": "pager"}
    assert table["receivers"][0]["webhook_configs"][0]["send_resolved"] is True
