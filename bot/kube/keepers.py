"""Which tool keeps an object as it is written elsewhere, by the marks that the tool leaves on it.

Argo CD's tracking id (annotation) and label, Flux's labels of Kustomization and HelmRelease, Fleet's, Helm's
annotations, and for the rest the field managers of the template. It asks nobody: what an object doesn't
tell isn't known.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.keeper import Keeper
from bot.domain.redaction import redact_name
from bot.kube.objects import Json, mapping, text

TRACKING = "argocd.argoproj.io/tracking-id"
"""``APPLICATION:GROUP/KIND:NAMESPACE/NAME`` (Argo CD, resource tracking by annotation)."""
INSTANCE = "argocd.argoproj.io/instance"
KUSTOMIZATION = "kustomize.toolkit.fluxcd.io"
HELM_RELEASE = "helm.toolkit.fluxcd.io"
FLEET = "objectset.rio.cattle.io/id"
RELEASE, RELEASE_NAMESPACE = "meta.helm.sh/release-name", "meta.helm.sh/release-namespace"
MANAGERS = {
    "argocd": "Argo CD",
    "kustomize-controller": "Flux",
    "flux": "Flux",
    "helm-controller": "Flux's Helm controller",
    "fleet": "Fleet",
}
"""Part of a field manager's name -> who that is, where labels and annotations say nothing."""


def keeper(obj: Json, managers: Sequence[str]) -> Keeper | None:
    """Who keeps this object, None where it tells of nobody. Names are anybody's text and are cut."""
    labels, notes = mapping(obj, "metadata", "labels"), mapping(obj, "metadata", "annotations")
    tracked = _short(text(notes, TRACKING).split(":", 1)[0] or text(labels, INSTANCE))
    if tracked:
        return Keeper("Argo CD", f"Application {tracked}")
    for prefix, what in ((HELM_RELEASE, "HelmRelease"), (KUSTOMIZATION, "Kustomization")):
        if name := text(labels, f"{prefix}/name"):
            return Keeper("Flux", f"{what} {_short(_joined(text(labels, f'{prefix}/namespace'), name))}")
    if bundle := text(labels, FLEET) or text(notes, FLEET):
        return Keeper("Fleet", f"bundle {_short(bundle)}")
    written = next((name for one in managers for part, name in MANAGERS.items() if part in one.lower()), "")
    if written:
        return Keeper(written)
    release = text(notes, RELEASE)
    if release and text(labels, "app.kubernetes.io/managed-by") == "Helm":
        namespace = text(notes, RELEASE_NAMESPACE) or text(obj, "metadata", "namespace")
        advice = f"Use: helm -n {_short(namespace)} rollback {_short(release)}."
        chart = text(labels, "helm.sh/chart")
        return Keeper(
            "Helm", f"release {_short(release)}", f"chart {_short(chart)}" if chart else "", advice, at_once=False
        )
    return None


def _joined(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name


def _short(name: str) -> str:
    return redact_name(name.strip())[:80]
