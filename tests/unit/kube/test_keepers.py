"""Who keeps an object as it is written elsewhere, by the marks that the tools leave."""

from __future__ import annotations

from typing import Any

import pytest

from bot.kube.keepers import keeper

MARKS = [
    (
        "Argo CD's id", {}, {"argocd.argoproj.io/tracking-id": "shop-api:apps/Deployment:shop/api"}, (),
        "Argo CD (Application shop-api)",
    ),
    ("Argo CD's label", {"argocd.argoproj.io/instance": "shop-api"}, {}, (), "Argo CD (Application shop-api)"),
    (
        "Flux",
        {"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}, {}, (),
        "Flux (Kustomization flux-system/shop)",
    ),
    (
        "Flux's Helm", {"helm.toolkit.fluxcd.io/name": "api", "app.kubernetes.io/managed-by": "Helm"},
        {"meta.helm.sh/release-name": "api"}, (), "Flux (HelmRelease api)",
    ),
    ("Fleet", {"objectset.rio.cattle.io/id": "default-shop"}, {}, (), "Fleet (bundle default-shop)"),
    ("a field manager", {}, {}, ("argocd-controller",), "Argo CD"),
    ("another", {}, {}, ("kubectl", "kustomize-controller"), "Flux"),
    (
        "Helm", {"app.kubernetes.io/managed-by": "Helm", "helm.sh/chart": "api-1.4.2"},
        {"meta.helm.sh/release-name": "api", "meta.helm.sh/release-namespace": "shop"}, ("helm",),
        "Helm (release api, chart api-1.4.2)",
    ),
]  # fmt: skip


def of(labels: dict[str, str], notes: dict[str, str]) -> dict[str, Any]:
    return {"metadata": {"name": "api", "namespace": "shop", "labels": labels, "annotations": notes}}


@pytest.mark.parametrize(
    ("labels", "notes", "managers", "words"), [row[1:] for row in MARKS], ids=[r[0] for r in MARKS]
)
def test_each_tool_is_known_by_its_marks(
    labels: dict[str, str], notes: dict[str, str], managers: tuple[str, ...], words: str
) -> None:
    found = keeper(of(labels, notes), managers)
    assert found is not None
    assert found.words == words
    assert found.at_once == (found.tool != "Helm")


def test_a_release_is_taken_back_with_helm_itself() -> None:
    found = keeper(of({"app.kubernetes.io/managed-by": "Helm"}, {"meta.helm.sh/release-name": "api"}), ())
    assert found is not None
    assert found.advice == "Use: helm -n shop rollback api."


@pytest.mark.parametrize(
    ("labels", "notes"),
    [
        ({}, {}),
        ({"app.kubernetes.io/managed-by": "Helm"}, {}),
        ({}, {"meta.helm.sh/release-name": "api"}),
        ({"app.kubernetes.io/instance": "api"}, {}),
        ({"argocd.argoproj.io/instance": ""}, {"argocd.argoproj.io/tracking-id": ":apps/Deployment:shop/api"}),
    ],
)
def test_what_carries_no_whole_mark_is_kept_by_nobody(labels: dict[str, str], notes: dict[str, str]) -> None:
    assert keeper(of(labels, notes), ("kubectl",)) is None


def test_names_are_cut_since_anybody_may_write_a_label() -> None:
    found = keeper(of({"argocd.argoproj.io/instance": "x" * 5000}, {}), ())
    assert found is not None
    assert len(found.words) < 130
