"""A file in which a key lies is no key: a sentence about it must say which file is meant."""

import pytest

from bot.domain.redaction import redact


@pytest.mark.parametrize(
    "text",
    [
        "TLS_KEY: /etc/tls/tls.key can't be read",
        "ssl_key=/tmp/ci_tmp/popen-gw2/other.key",
        'api_key: "/run/secrets/api.key"',
    ],
)
def test_where_a_key_lies_is_shown(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize("value", ["/aB3dE/fGh1jK", "/abc/def+gh==", "/abcdefgh", "MIIabcdef"])
def test_what_may_be_the_key_itself_is_not(value: str) -> None:
    assert value not in redact(f"tls_key: {value}")
