"""Amazon's ECR by its own API: tags page by page, digest and push of an image; by whatever credentials AWS gives us.

Those come to boto3 as everywhere in AWS (the pod's role, environment, files); no setting of Fettle holds any. It needs
the extra ``aws``, imported at the first question and run in threads of its own, which a call that hangs can't take
from others. It needs ``ecr:ListImages`` and ``ecr:DescribeImages`` and asks for nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from typing import Any, TypeVar

from bot.domain.errors import ConfigError, FettleError, ForbiddenError, NotFoundError, RejectedError, UnavailableError
from bot.domain.image import is_digest
from bot.integrations.published import Published, Tags
from bot.settings_registries import RegistrySetting

T = TypeVar("T")

PAGE, MOST_TAGS = 1000, 20_000
CONNECT, READ = 2.0, 4.0
"""Seconds of one attempt; boto3 makes two."""
AT_ONCE = 2
PROBE = "fettle-doctor"
"""A repository that needn't be there: whether ECR says so, or refuses us, tells whether the credentials count."""
_REFUSED = frozenset({"AccessDeniedException", "AccessDenied", "UnauthorizedOperation"})
_INVALID = frozenset({
    "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException", "ExpiredToken",
    "InvalidClientTokenId", "InvalidIdentityToken", "SignatureDoesNotMatch",
})  # fmt: skip
_BUSY = frozenset({"ThrottlingException", "Throttling", "TooManyRequestsException", "ServerException"})


class Ecr:
    """One registry of one account and region. Raises only errors of ``bot.domain.errors``."""

    def __init__(self, setting: RegistrySetting) -> None:
        self._setting = setting
        self.name = f"Registry {setting.host}"
        self._threads: ThreadPoolExecutor | None = None
        self._made: Any = None

    async def close(self) -> None:
        """Lets go of the threads; one that still waits for AWS ends by its own limit."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    async def tags(self, repository: str, *, within: float) -> Tags:
        """All tags; ``NotFoundError`` where there is no such repository."""
        return await self._run(lambda: self._tags(repository), within, repository)

    async def published(self, repository: str, reference: str, *, within: float) -> Published | None:
        """The image under a tag or a digest, and when it was pushed; None where there is none."""
        return await self._run(lambda: self._published(repository, reference), within, repository)

    async def check(self, *, within: float) -> str:
        """A sentence on how it lets us in; raises where it doesn't."""
        with contextlib.suppress(NotFoundError):  # that it isn't there is told to those alone who may ask
            await self.tags(PROBE, within=within)
        return f"{self.name} answers and lets us list images."

    def _tags(self, repository: str) -> Tags:
        pages = (
            self._client()
            .get_paginator("list_images")
            .paginate(
                registryId=self._setting.account,
                repositoryName=repository,
                filter={"tagStatus": "TAGGED"},
                PaginationConfig={"PageSize": PAGE, "MaxItems": MOST_TAGS},
            )
        )
        found = [row["imageTag"] for page in pages for row in page.get("imageIds", ()) if row.get("imageTag")]
        return Tags(tuple(dict.fromkeys(found)), cut=len(found) >= MOST_TAGS)

    def _published(self, repository: str, reference: str) -> Published | None:
        kind = "imageDigest" if is_digest(reference) else "imageTag"
        try:
            told = self._client().describe_images(
                registryId=self._setting.account, repositoryName=repository, imageIds=[{kind: reference}]
            )
        except Exception as exc:  # boto3 makes its exceptions while it runs: only their code can be asked
            if _code(exc) == "ImageNotFoundException":
                return None
            raise
        found = next(iter(told.get("imageDetails", ())), None)
        if found is None:
            return None
        pushed = found.get("imagePushedAt")
        return Published(found["imageDigest"], f"{pushed.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if pushed else "")

    def _client(self) -> Any:
        """The client, made at the first question; two threads may make one each, of which the later stays."""
        if self._made is None:
            try:
                import boto3  # noqa: PLC0415 - half a second, for those alone who have ECR
                from botocore.config import Config  # noqa: PLC0415 - the same
            except ImportError as exc:
                sentence = f"{self.name} needs the extra aws: pip install 'fettle-bot[aws]'."
                raise ConfigError([sentence]) from exc
            limits = Config(
                connect_timeout=CONNECT,
                read_timeout=READ,
                retries={"total_max_attempts": 2, "mode": "standard"},
                user_agent_extra="fettle",
            )
            self._made = boto3.session.Session().client("ecr", region_name=self._setting.region, config=limits)
        return self._made

    async def _run(self, call: Callable[[], T], within: float, repository: str) -> T:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="ecr")
        try:
            async with asyncio.timeout(within):
                return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except TimeoutError as exc:
            raise UnavailableError(f"{self.name} didn't answer within {round(within, 1) or within:g} s.") from exc
        except FettleError:
            raise
        except Exception as exc:  # the same: whatever boto3 raises is told by its code or its type's name
            raise self._translated(exc, repository) from exc

    def _translated(self, error: Exception, repository: str) -> FettleError:
        code, kind = _code(error), type(error).__name__
        if code == "RepositoryNotFoundException":
            return NotFoundError(f"{self.name} has no repository {repository}.")
        if code in _REFUSED:
            return ForbiddenError(
                f"{self.name} refuses us {repository}: the role needs ecr:ListImages and ecr:DescribeImages on it."
            )
        if code in _INVALID:
            return ForbiddenError(
                f"{self.name} doesn't accept the AWS credentials ({code}): renew the role or its token."
            )
        if kind in {"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound"}:
            return ForbiddenError(
                f"{self.name} isn't asked: no AWS credentials were found ({kind}). Give the pod a role."
            )
        if code in _BUSY:
            return UnavailableError(f"{self.name} limits how often it is asked ({code}).")
        if code:
            return RejectedError(f"{self.name} refuses the question ({code}).", code)
        return UnavailableError(f"{self.name} can't be reached: {kind}.")


def _code(error: Exception) -> str:
    """AWS's own word for it; empty where the error isn't AWS's answer."""
    told = getattr(error, "response", None)
    found = told.get("Error", {}).get("Code", "") if isinstance(told, dict) else ""
    return str(found)
