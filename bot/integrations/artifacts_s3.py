"""Dumps in a bucket of S3 or of what speaks its protocol: multipart, each part with its digest, encrypted at rest.

Credentials come to boto3 as everywhere in AWS (the pod's role, environment, files); no setting of Fettle holds any. It
needs the extra ``aws`` and of the bucket ``s3:PutObject``, ``s3:GetObject``, ``s3:DeleteObject``,
``s3:AbortMultipartUpload``, ``s3:ListMultipartUploadParts`` and ``s3:ListBucketMultipartUploads``. Objects carry the
execution in their metadata; without that mark none is deleted. It refuses to make a link that needs no login unless
``lend`` is asked for one, and then of one object, for reading, for as long as was said.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

from bot.domain.artifact import Draft, Kept
from bot.domain.errors import ConfigError, FettleError, ForbiddenError, RejectedError, UnavailableError
from bot.integrations.artifacts import CHUNK, MARK

T = TypeVar("T")

CONNECT, READ = 3.0, 30.0
"""Seconds of one attempt; boto3 makes two. A part of 8 MiB may take its time."""
AT_ONCE = 2
MOST_LINK = 2900
"""What a block of Slack's takes."""
MOST_PARTS = 10_000
_LOST = frozenset({"NoSuchUpload", "NoSuchKey", "404", "NotFound"})
_BUSY = frozenset({
    "SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "Throttling", "ThrottlingException", "503",
})  # fmt: skip
_REFUSED = frozenset({"AccessDenied", "403", "AllAccessDisabled", "AccessDeniedException"})
_INVALID = frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"})
_MISSING = frozenset({"NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "ProfileNotFound"})


@dataclass(frozen=True)
class Bucket:
    """Where in S3. ``encryption`` is ``AES256``, ``aws:kms`` or ``aws:kms:KEY``, or ``none`` for what can't."""

    name: str
    prefix: str = ""
    region: str = ""
    endpoint: str = ""
    encryption: str = "AES256"

    @property
    def place(self) -> str:
        """``s3://bucket/prefix``."""
        return f"s3://{self.name}/{self.prefix}".rstrip("/")

    @property
    def sealed(self) -> dict[str, str]:
        """What asks S3 to encrypt."""
        kind, _, key = self.encryption.partition("aws:kms:")
        if self.encryption == "none":
            return {}
        if key:
            return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
        return {"ServerSideEncryption": kind or self.encryption}


class S3:
    """One prefix of one bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._threads: ThreadPoolExecutor | None = None
        self._made: Any = None

    @property
    def place(self) -> str:
        """``s3://bucket/prefix``."""
        return self._bucket.place

    async def close(self) -> None:
        """Lets go of the threads; one that still waits for S3 ends by its own limit."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None
        if self._made is not None:
            self._made.close()
            self._made = None

    async def check(self) -> str:
        """Whether the bucket is there for us; what may be put there is seen at the first dump."""
        await self.run(lambda: self.client().list_multipart_uploads(**self._at, Prefix=self._bucket.prefix))
        return f"Dumps go to {self._bucket.place}, encrypted there ({self._bucket.encryption})."

    async def room(self) -> int | None:
        """What the parts of one object may hold."""
        return CHUNK * MOST_PARTS

    async def begin(self, draft: Draft) -> _Parts:
        """Opens a multipart upload; there is no object before it is whole."""
        if draft.size > CHUNK * MOST_PARTS:
            raise RejectedError(f"{draft.name} is larger than {CHUNK * MOST_PARTS // 1024**3} GiB.", "size")
        key = self._key(draft.name)
        if await self._head(key) is not None:
            raise RejectedError(f"{self._bucket.place} has {draft.name} already; nothing is overwritten.", "exists")
        marks = {**draft.facts, MARK: draft.execution, "sha256": draft.sha256}
        told = await self.run(
            lambda: self.client().create_multipart_upload(
                **self._at,
                Key=key,
                ContentType="application/octet-stream",
                ChecksumAlgorithm="SHA256",
                Metadata={name: quote(value, safe=" ./:-_") for name, value in marks.items()},
                **self._bucket.sealed,
            )
        )
        return _Parts(self, draft, {**self._at, "Key": key, "UploadId": told["UploadId"]})

    @property
    def lends(self) -> bool:
        """By signed addresses."""
        return True

    async def lend(self, kept: Kept, lasting: timedelta) -> str:
        """Signed by our own credentials here; it ends before that where those end (a role's session) earlier."""
        found = await self._head(kept.ref)
        if found is None or found.get("Metadata", {}).get(MARK) != kept.execution:
            raise RejectedError(f"{self._bucket.place} has no {kept.name} with Fettle's mark any more.", "mark")
        what = {**self._at, "Key": kept.ref, "ResponseContentDisposition": f'attachment; filename="{kept.name}"'}
        seconds = int(lasting.total_seconds())
        signed: str = await self.run(
            lambda: self.client().generate_presigned_url("get_object", Params=what, ExpiresIn=seconds)
        )
        if len(signed) > MOST_LINK:
            said = "The signed link is longer than Slack takes; open the dump with your own login."
            raise RejectedError(said, "link")
        return signed

    async def find(self, name: str, execution: str) -> Kept | None:
        """By the object's metadata."""
        found = await self._head(self._key(name))
        marks = found.get("Metadata", {}) if found else {}
        if found is None or marks.get(MARK) != execution:
            return None
        return self.kept(name, int(found["ContentLength"]), marks.get("sha256", ""), execution)

    async def delete(self, kept: Kept) -> bool:
        """The object, if it still carries the mark."""
        found = await self._head(kept.ref)
        if found is None:
            return False
        if found.get("Metadata", {}).get(MARK) != kept.execution:
            raise RejectedError(f"{kept.link} doesn't carry Fettle's mark any more; it isn't deleted.", "mark")
        await self.run(lambda: self.client().delete_object(**self._at, Key=kept.ref))
        return True

    async def tidy(self, before: datetime) -> int:
        """Uploads below our prefix that were begun before; they cost money and are shown nowhere."""
        return await self.run(lambda: self._tidied(before))

    def kept(self, name: str, size: int, sha256: str, execution: str) -> Kept:
        """As it is recorded. Amazon's console asks for a login of its own; elsewhere the link is the object's name."""
        bucket, key = self._bucket, self._key(name)
        link = f"s3://{bucket.name}/{key}"
        if not bucket.endpoint:
            region = f"&region={bucket.region}" if bucket.region else ""
            link = f"https://s3.console.aws.amazon.com/s3/object/{bucket.name}?prefix={quote(key)}{region}"
        return Kept(bucket.place, key, name, size, sha256, execution, link)

    async def whole(self, draft: Draft) -> Kept:
        """What S3 holds now; ``RejectedError`` unless it has the announced length."""
        kept = await self.find(draft.name, draft.execution)
        if kept is None or kept.size != draft.size:
            raise RejectedError(f"{self._bucket.place} doesn't hold {draft.name} as it was sent.", "size")
        return kept

    @property
    def _at(self) -> dict[str, str]:
        return {"Bucket": self._bucket.name}

    def _key(self, name: str) -> str:
        return f"{self._bucket.prefix}/{name}" if self._bucket.prefix else name

    async def _head(self, key: str) -> Any:
        try:
            return await self.run(lambda: self.client().head_object(**self._at, Key=key))
        except _LostError:
            return None

    def _tidied(self, before: datetime) -> int:
        pages = self.client().get_paginator("list_multipart_uploads").paginate(
            **self._at, Prefix=self._key("")
        )  # fmt: skip
        left = [one for page in pages for one in page.get("Uploads", ()) if one["Initiated"] < before]
        for one in left:
            self.client().abort_multipart_upload(**self._at, Key=one["Key"], UploadId=one["UploadId"])
        return len(left)

    def client(self) -> Any:
        """The client, made at the first question; two threads may make one each, of which the later stays."""
        if self._made is None:
            try:
                import boto3  # noqa: PLC0415 - half a second, for those alone who keep dumps in S3
                from botocore.config import Config  # noqa: PLC0415 - the same
            except ImportError as exc:
                raise ConfigError(["ARTIFACTS: s3:// needs the extra aws: pip install 'fettle-bot[aws]'."]) from exc
            limits = Config(
                connect_timeout=CONNECT,
                read_timeout=READ,
                retries={"total_max_attempts": 2, "mode": "standard"},
                user_agent_extra="fettle",
                signature_version="s3v4",  # an older signature reads nothing that KMS encrypted
                s3={"addressing_style": "path" if self._bucket.endpoint else "auto"},
            )
            where = {"endpoint_url": self._bucket.endpoint or None, "region_name": self._bucket.region or None}
            self._made = boto3.session.Session().client("s3", config=limits, **where)
        return self._made

    async def run(self, call: Callable[[], T]) -> T:
        """One call in a thread of our own; whatever boto3 raises becomes an error of the domain."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="s3")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except FettleError:
            raise
        except Exception as exc:  # boto3 makes its exceptions while it runs: only their code can be asked
            raise self._translated(exc) from exc

    def _translated(self, error: Exception) -> FettleError:
        told = getattr(error, "response", None)
        code = str(told.get("Error", {}).get("Code", "")) if isinstance(told, dict) else ""
        kind, place = type(error).__name__, self._bucket.place
        if code in _LOST:
            return _LostError(f"{place} doesn't have it ({code}).", code)
        if code == "NoSuchBucket":
            return RejectedError(f"There is no bucket {self._bucket.name}: look at ARTIFACTS.", code)
        if code in _REFUSED:
            return ForbiddenError(
                f"{place} refuses us ({code}): the role needs s3:PutObject, s3:GetObject, s3:DeleteObject, "
                "s3:AbortMultipartUpload, s3:ListMultipartUploadParts and s3:ListBucketMultipartUploads there."
            )
        if code in _INVALID:
            return ForbiddenError(f"{place} doesn't accept the AWS credentials ({code}): renew the role or its token.")
        if kind in _MISSING:
            return ForbiddenError(f"{place} isn't asked: no AWS credentials were found ({kind}). Give the pod a role.")
        if kind == "NoRegionError":
            return ConfigError(["ARTIFACTS_S3_REGION is missing: name the bucket's region."])
        if code in _BUSY:
            return UnavailableError(f"{place} can't take it now ({code}).")
        if code:
            return RejectedError(f"{place} refuses the request ({code}).", code)
        return UnavailableError(f"{place} can't be reached: {kind}.")


class _LostError(RejectedError):
    """What was asked for isn't there."""


class _Parts:
    """A multipart upload. A part is there whole or not at all; S3 checks each one's digest itself."""

    def __init__(self, store: S3, draft: Draft, at: dict[str, Any]) -> None:
        self._store, self._draft, self._at = store, draft, at
        self._parts: list[dict[str, Any]] = []
        self._size = 0
        self._digest = hashlib.sha256()
        self._done = False

    async def append(self, chunk: bytes) -> None:
        """Puts the next part under its number; putting it again replaces it."""
        number, sum_ = len(self._parts) + 1, base64.b64encode(hashlib.sha256(chunk).digest()).decode()
        told = await self._store.run(
            lambda: self._store.client().upload_part(**self._at, PartNumber=number, Body=chunk, ChecksumSHA256=sum_)
        )
        self._parts.append({"PartNumber": number, "ETag": told["ETag"], "ChecksumSHA256": sum_})
        self._size += len(chunk)
        self._digest.update(chunk)

    async def held(self) -> int:
        """What was answered for; a part whose answer was lost is put again."""
        return self._size

    async def finish(self) -> Kept:
        """Puts the parts together, then asks what is there; a lost answer is no loss."""
        draft = self._draft
        if self._size != draft.size or self._digest.hexdigest() != draft.sha256:
            raise RejectedError(f"{draft.name} isn't what left the container: size or SHA-256 differ.", "digest")
        if not self._parts:
            raise RejectedError(f"{draft.name} is empty; it isn't kept.", "size")
        together = {"MultipartUpload": {"Parts": self._parts}}
        try:
            await self._store.run(lambda: self._store.client().complete_multipart_upload(**self._at, **together))
        except (UnavailableError, _LostError):
            if await self._store.find(draft.name, draft.execution) is None:
                raise
        self._done = True
        return await self._store.whole(draft)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._done:
            with contextlib.suppress(FettleError):  # what stays is thrown away by the next sweep
                await self._store.run(lambda: self._store.client().abort_multipart_upload(**self._at))
