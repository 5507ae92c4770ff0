"""Ready pods stand behind their Services, by what the endpoints say; without a Service there is no row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot.domain.verification import CheckState
from bot.kube.pods import Pod
from bot.kube.services import NAME_LABEL
from bot.verification.served import judged
from tests.unit.cluster_states import NOW, pod

API: dict[str, Any] = {"metadata": {"name": "api"}, "spec": {"selector": {"app": "api"}}}
TWO = [replace(pod(name), labels={"app": "api"}) for name in ("a", "b")]


def behind(*pods: Pod, service: str = "api", **conditions: bool) -> dict[str, Any]:
    entries = [{"targetRef": {"uid": one.uid}, "conditions": conditions} for one in pods]
    return {"metadata": {"labels": {NAME_LABEL: service}}, "endpoints": entries}


def test_every_ready_pod_behind_its_service_is_good_over_however_many_slices() -> None:
    (row,) = judged([API], [behind(TWO[0], ready=True), behind(TWO[1])], TWO, NOW)
    assert (row.state, row.required, row.measured) == (CheckState.GOOD, False, "2 of 2 behind api")


def test_a_pod_that_no_traffic_reaches_is_waited_for_and_never_good() -> None:
    for slices in ([], [behind(TWO[0])], [behind(*TWO, ready=False)], [behind(*TWO, service="other")]):
        (row,) = judged([API], slices, TWO, NOW)
        assert row.state is CheckState.WAITING, slices


def test_the_one_service_that_lacks_it_is_named() -> None:
    other = {"metadata": {"name": "admin"}, "spec": {"selector": {"app": "api"}}}
    (row,) = judged([API, other], [behind(*TWO), behind(TWO[0], service="admin")], TWO, NOW)
    assert (row.state, row.measured) == (CheckState.WAITING, "1 of 2 behind admin")


def test_services_that_select_others_or_nothing_make_no_row() -> None:
    none = {"metadata": {"name": "outside"}, "spec": {}}
    others = {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}}}
    assert judged([none, others], [], TWO, NOW) == ()
