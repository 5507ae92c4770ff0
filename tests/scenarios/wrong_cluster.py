"""Each thing at the cluster that a newcomer can get wrong: kubeconfig, address, trust, rights too few and too many."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path

import yaml

from bot.rights import NEEDED, OPTIONAL
from bot.sandbox.ports import free_port

from .wrong_place import NOWHERE, Place, Wrong, put, without

LOGIN = "exec: {{apiVersion: client.authentication.k8s.io/v1, command: '{}', interactiveMode: Never}}"


def deny(verb: str, resource: str) -> Callable[[Place], object]:
    """A right that the account hasn't."""
    return lambda place: place.world.cluster_server.deny(verb, resource)


def grant(verb: str, resource: str, namespace: str | None = None) -> Callable[[Place], object]:
    """A right that the account should not have."""
    return lambda place: place.world.cluster_server.allow(verb, resource, namespace)


def server(url: Callable[[Place], str]) -> Callable[[Place], None]:
    """Another address in the kubeconfig."""
    return lambda place: place.kubeconfig(lambda text: text.replace(place.world.cluster_server.url, url(place)))


def user(entry: str) -> Callable[[Place], None]:
    """Other credentials in the kubeconfig."""
    return lambda place: place.kubeconfig(lambda text: re.sub(r"token: \S+", entry, text))


def other_authority(place: Place) -> None:
    pem = base64.b64encode(Path(place.certificate("stranger")[0]).read_bytes()).decode()
    authority(pem)(place)


def authority(data: str) -> Callable[[Place], None]:
    """Another certificate authority in the kubeconfig."""
    entry = f"certificate-authority-data: {data}"
    return lambda place: place.kubeconfig(lambda text: re.sub(r"certificate-authority-data: \S+", entry, text))


def no_context(place: Place) -> None:
    place.kubeconfig(lambda text: yaml.safe_dump({**yaml.safe_load(text), "current-context": ""}))


def cluster_clock(place: Place) -> None:
    place.world.cluster_server.faults.clock_off = 300.0


def incomplete(place: Place) -> None:
    place.world.cluster_server.access.incomplete = "webhook authorizer does not support user rule resolution"
    grant("get", "secrets")(place)


CLUSTER = (
    Wrong(
        "cluster away",
        server(lambda _: f"https://127.0.0.1:{free_port()}"),
        r"API server can't be reached: connection refused. Is the cluster at https://127.0.0.1:\d+ up",
        "goes on",
    ),
    Wrong(
        "cluster unknown",
        server(lambda _: "https://cluster.invalid:6443"),
        r"can't be reached: its name leads to no address",
        "goes on",
    ),
    Wrong(
        "http for https",
        server(lambda place: place.world.cluster_server.url.replace("https", "http")),
        r"can't be reached: it hung up; http and https may be mixed up",
        "goes on",
    ),
    Wrong("no cluster", server(lambda place: place.world.slack_server.url), r"reached, but it is no API server"),
    Wrong(
        "cluster ill",
        lambda place: place.world.cluster_server.faults.set("*", "*", status=503),
        r"The API server answered 503",
        "goes on",
    ),
    Wrong("kubeconfig empty", without("KUBECONFIG"), r"KUBECONFIG is missing: name the kubeconfig file"),
    Wrong("no kubeconfig there", put("KUBECONFIG", NOWHERE), r"KUBECONFIG: there is no file /no/such/place"),
    Wrong(
        "kubeconfig a folder",
        lambda place: put("KUBECONFIG", str(place.folder))(place),
        r"can't be used: is a directory",
    ),
    Wrong("kubeconfig holds nothing", lambda place: place.kubeconfig(lambda _: ""), r"can't be used: it is empty"),
    Wrong(
        "kubeconfig no YAML",
        lambda place: place.kubeconfig(lambda _: "a: ["),
        r"can't be used: it is no YAML at line 1",
    ),
    Wrong(
        "context wrong",
        put("KUBE_CONTEXT", "fettle-sandbx"),
        r"KUBE_CONTEXT is “fettle-sandbx”, .* did you mean fettle-",
    ),
    Wrong("no current context", no_context, r"has no current context. Set KUBE_CONTEXT to one of fettle-sandbox"),
    Wrong(
        "token expired", user("token: of-yesterday"), r"doesn't accept my credentials \(401\).* Renew the kubeconfig"
    ),
    Wrong("no credentials", user("token: ''"), r"got no credentials from me \(403\). Put a token"),
    Wrong(
        "login not there", user(LOGIN.format("no-such")), r"the login command no-such of its user isn't installed here"
    ),
    Wrong("login fails", user(LOGIN.format("false")), r"the login command false of its user failed; run it by hand"),
    Wrong(
        "authority wrong", other_authority, r"was reached, but its certificate isn't trusted: .*certificate authority"
    ),
    Wrong("authority garbage", authority("aGVsbG8="), r"can't be used: a certificate or key in it is none"),
    Wrong(
        "cluster unnamed", deny("get", "namespaces"), r"may not get namespaces in kube-system \(403\).*deploy/rbac.yaml"
    ),
    *(
        Wrong(
            f"may not {verb} {resource}",
            deny(verb, resource),
            rf"May not {verb} {resource} in every namespace. Apply deploy/rbac",
            "goes on",
        )
        for verb, _, resource in sorted(NEEDED - OPTIONAL - {("get", "", "namespaces")})
    ),
    *(
        Wrong(
            f"may not {verb} {resource}",
            deny(verb, resource),
            rf"May not {verb} {resource}: cards go without what that tells. It is optional",
            "goes on",
            "warn",
        )
        for verb, _, resource in sorted(OPTIONAL)
    ),
    *(
        Wrong(
            f"may not patch {plural}",
            deny("patch", plural),
            rf"May not [^.]*restart[^.]* in shop: it lacks patch {plural}. .*apply -n shop -f deploy/bind-patch",
            "goes on",
            "warn",
        )
        for plural in ("deployments", "statefulsets", "daemonsets")
    ),
    Wrong(
        "administrator",
        lambda place: put("KUBECONFIG", str(place.world.kubeconfig("admin")))(place),
        r"May do anything with everything, in every namespace. Fettle never does",
        "goes on",
        "warn",
    ),
    Wrong("reads secrets", grant("get", "secrets"), r"May get secrets, in every namespace", "goes on", "warn"),
    Wrong("opens a shell", grant("create", "pods/exec", "shop"), r"May create pods/exec, in shop", "goes on", "warn"),
    Wrong("impersonates", grant("impersonate", "users"), r"May impersonate users, in every", "goes on", "warn"),
    Wrong("escalates", grant("escalate", "clusterroles"), r"May escalate clusterroles", "goes on", "warn"),
    Wrong("binds", grant("bind", "roles"), r"May bind roles", "goes on", "warn"),
    Wrong("deletes", grant("delete", "deployments"), r"May delete deployments", "goes on", "warn"),
    Wrong("patches nodes", grant("patch", "nodes"), r"May patch nodes", "goes on", "warn"),
    Wrong("makes pods", grant("create", "pods"), r"May create pods", "goes on", "warn"),
    Wrong(
        "patches elsewhere",
        grant("patch", "deployments", "kube-system"),
        r"May patch deployments, in kube-system, where ALLOWED_NAMESPACES",
        "goes on",
        "warn",
    ),
    Wrong(
        "reads more",
        grant("list", "configmaps"),
        r"May also read what it never looks at, .* list configmaps",
        "goes on",
        "warn",
    ),
    Wrong(
        "rights untold",
        incomplete,
        r"can't list all rights \(webhook authorizer .*\). Asked one by one: may get secrets",
        "goes on",
        "warn",
    ),
    Wrong(
        "namespace unknown",
        put("ALLOWED_NAMESPACES", "shopp"),
        r"ALLOWED_NAMESPACES names shopp, .* Did you mean shop",
        "goes on",
        "warn",
    ),
    Wrong("clock of the cluster off", cluster_clock, r"clock is (299|300|301) s behind the cluster's", "goes on"),
)
