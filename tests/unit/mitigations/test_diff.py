"""The dry run's diff is kept and posted: what is a secret by its name or its shape is hidden."""

from bot.domain.redaction import HIDDEN
from bot.mitigations.diff import spec_diff

TOKEN = "ghp_" + "a" * 36


def test_secrets_are_hidden_by_name_and_by_shape() -> None:
    env = [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "T", "value": TOKEN}, {"name": "MODE", "value": "x"}]
    after = {"env": env, "annotations": {"example.com/api-token": "opaque"}}
    assert spec_diff({}, after).splitlines() == [
        f"+ annotations[example.com/api-token]: {HIDDEN}",
        "+ env[DB_PASSWORD].name: DB_PASSWORD",
        f"+ env[DB_PASSWORD].value: {HIDDEN}",
        "+ env[MODE].name: MODE",
        "+ env[MODE].value: x",
        "+ env[T].name: T",
        f"+ env[T].value: {HIDDEN}",
    ]


def test_where_a_secret_is_and_switches_are_shown() -> None:
    before = {"automountServiceAccountToken": True}
    after = {"automountServiceAccountToken": False, "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}
    assert spec_diff(before, after).splitlines() == [
        "~ automountServiceAccountToken: True → False",
        "+ valueFrom.secretKeyRef.key: password",
        "+ valueFrom.secretKeyRef.name: db",
    ]
