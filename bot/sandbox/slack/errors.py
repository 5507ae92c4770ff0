"""Errors of the Slack sandbox.

`ApiError` is what a Web API call answers with; `NotThere` is what a person acting through
Python meets when Slack's clients would not offer the control at all. Neither is ever an HTTP 5xx.
"""

from typing import Any


class ApiError(Exception):
    """A logical Web API error: HTTP 200 with `{"ok": false, "error": code, **extra}`."""

    def __init__(self, code: str, **extra: Any) -> None:
        super().__init__(code)
        self.code = code
        self.extra = extra


class RateLimitedError(ApiError):
    """HTTP 429 with a `Retry-After` header in whole seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("ratelimited")
        self.retry_after = retry_after


class NotThere(LookupError):  # noqa: N818 - reads as a sentence where it is raised and caught
    """A person cannot do this in Slack: the control, message or view is not in front of them.

    `str(error)` is one sentence fit for showing on a page.
    """
