"""Recorded refusals, translated: retry, person's fault, or may the world have changed."""

from __future__ import annotations

import json

import aiohttp
import pytest

from bot.domain.errors import (
    BudgetHoldsError,
    ClusterUnavailableError,
    CredentialsError,
    FettleError,
    ForbiddenError,
    NotFoundError,
    OutcomeUnknownError,
    RejectedError,
    WorldChangedError,
)
from bot.kube.errors import connection_error, status_error
from tests.unit.cluster_states import RECORDED

CASES = [
    ("status-403-patch-deploy", ForbiddenError),
    ("status-403-list-other-ns", ForbiddenError),
    ("status-403-anonymous", ForbiddenError),
    ("status-401-badtoken", CredentialsError),
    ("status-404-deploy", NotFoundError),
    ("status-404-unknown-path", NotFoundError),
    ("status-409-patch-stale-rv", WorldChangedError),
    ("status-422-jsonpatch-test", WorldChangedError),
    ("status-422-bad-spec", RejectedError),
    ("status-422-immutable-selector", RejectedError),
    ("status-400-badjson", RejectedError),
    ("status-405", RejectedError),
    ("status-410-continue-expired", RejectedError),
    ("status-415", RejectedError),
    ("status-429-eviction-pdb", BudgetHoldsError),
    ("status-504-future-rv-list", ClusterUnavailableError),
]


def translate(name: str, *, acts: bool = False) -> FettleError:
    exchange = json.loads((RECORDED / f"{name}.json").read_text())
    method = exchange["request"]["method"]
    body = json.dumps(exchange["body"]).encode() if not isinstance(exchange["body"], str) else exchange["body"].encode()
    return status_error(method, "/x", exchange["status"], body, exchange["headers"], acts=acts)


@pytest.mark.parametrize(("name", "kind"), CASES, ids=[row[0] for row in CASES])
def test_recorded_refusals(name: str, kind: type[FettleError]) -> None:
    error = translate(name)
    assert type(error) is kind
    assert str(error)


def test_a_missing_right_names_verb_resource_namespace_and_the_role_to_apply() -> None:
    assert str(translate("status-403-patch-deploy")) == (
        "I may not patch deployments.apps in cap (403). Apply the role fettle-patch in cap."
    )
    assert str(translate("status-403-list-other-ns")) == (
        "I may not list pods in default (403). Apply the role fettle-read (deploy/rbac.yaml)."
    )


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_write_answered_with_5xx_may_have_been_carried_out(status: int) -> None:
    assert type(status_error("PATCH", "/x", status, b"", {}, acts=True)) is OutcomeUnknownError
    assert type(status_error("PATCH", "/x", status, b"", {}, acts=False)) is ClusterUnavailableError


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError(), aiohttp.ServerDisconnectedError()])
def test_a_write_without_an_answer_may_have_been_carried_out_unless_nobody_was_reached(error: Exception) -> None:
    assert type(connection_error(error, acts=True)) is OutcomeUnknownError
    assert type(connection_error(error, acts=True, refused=True)) is ClusterUnavailableError
    assert type(connection_error(error, acts=False)) is ClusterUnavailableError


def test_the_time_to_wait_is_kept_and_nonsense_is_not() -> None:
    def waits(value: str) -> float | None:
        error = status_error("GET", "/x", 429, b"{}", {"Retry-After": value}, acts=False)
        assert isinstance(error, ClusterUnavailableError)
        return error.retry_after

    assert waits("3") == 3.0
    assert waits("soon") is None


def test_a_budget_that_holds_an_eviction_back_is_told_from_any_other_wait() -> None:
    """Only that one may be sent again by itself, and its reason is shown."""
    held = translate("status-429-eviction-pdb", acts=True)
    assert isinstance(held, BudgetHoldsError)
    assert str(held) == "The disruption budget api needs 3 healthy pods and has 3 currently (429)."
    busy = status_error("POST", "/x", 429, b'{"details": {"causes": [{"reason": "Other"}]}}', {}, acts=True)
    assert not isinstance(busy, BudgetHoldsError)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"message": null}'])
def test_a_body_that_is_no_status_object_still_gives_a_sentence(body: bytes) -> None:
    assert str(status_error("GET", "/x", 404, body, {}, acts=False))
    assert str(status_error("GET", "/x", 499, body, {}, acts=False))


def test_a_secret_in_a_refusal_is_hidden() -> None:
    """A webhook's refusal may quote the object that it refused."""
    token = "ghp_" + "a" * 36
    body = json.dumps({"reason": "Invalid", "message": f"denied the request: token={token} not ok"}).encode()
    assert token not in str(status_error("PATCH", "/apis/x", 400, body, {}, acts=False))
