"""Where dumps are kept, for how long, and how much of a folder they may take. No setting here holds a secret.

It refuses to open anything: a bucket that isn't there is a row of ``fettle doctor``, never a start that fails.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from bot import settings_values as values
from bot.settings_sources import address

FOLDER = "folder"
S3_PREFIX, DRIVE_PREFIX = "s3://", "drive://"
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()/-]{1,200})?")
_DRIVE = re.compile(r"drive://[A-Za-z0-9_-]{10,100}")
_SIZE = re.compile(r"(\d{1,9})\s*(Mi|Gi|Ti)", re.IGNORECASE)
_UNITS = {"mi": 1024**2, "gi": 1024**3, "ti": 1024**4}
_KEY = re.compile(r"aws:kms:[A-Za-z0-9:/_-]{1,200}")
DEBUG_KINDS = ("jvm", "python")
_BY_DIGEST = re.compile(r"[a-z0-9][a-zA-Z0-9.:_-]*/[a-z0-9][a-z0-9._/-]{0,200}(:[\w.-]{1,128})?@sha256:[0-9a-f]{64}")
_REGION = re.compile(r"[a-z0-9-]{0,40}")


def place(value: Any) -> str:
    """``folder``, ``s3://bucket/prefix`` or ``drive://FOLDER_ID``, without a slash at its end."""
    text = str(value).strip().rstrip("/")
    if text in {"", FOLDER} or _BUCKET.fullmatch(text) or _DRIVE.fullmatch(text):
        return text or FOLDER
    raise ValueError("write folder, s3://bucket/prefix, or drive:// and the id of a folder in a shared drive")


def size(value: Any) -> int:
    """``500Mi``, ``10Gi``, in bytes."""
    found = _SIZE.fullmatch(str(value).strip())
    if found is None or not int(found.group(1)):
        raise ValueError("write a size such as 500Mi or 10Gi")
    return int(found.group(1)) * _UNITS[found.group(2).lower()]


def encryption(value: Any) -> str:
    """``AES256``, ``aws:kms``, ``aws:kms:KEY`` or ``none``."""
    text = str(value).strip()
    if text in {"AES256", "aws:kms", "none"} or _KEY.fullmatch(text):
        return text
    raise ValueError("write AES256, aws:kms, aws:kms: and the key's id, or none where the store can't encrypt")


def region(value: Any) -> str:
    """``eu-central-1``, or what another S3 calls it."""
    text = str(value).strip()
    if not _REGION.fullmatch(text):
        raise ValueError("write a region such as eu-central-1")
    return text


def images(value: Any) -> dict[str, str]:
    """``jvm=registry.example/tools@sha256:…, python=…``; an image without its digest is refused."""
    found: dict[str, str] = {}
    for part in str(value).replace("\n", ",").split(","):
        if not part.strip():
            continue
        kind, _, image = (word.strip() for word in part.partition("="))
        if kind not in DEBUG_KINDS or kind in found:
            raise ValueError(f"write each of {' and '.join(DEBUG_KINDS)} once, not “{kind[:30]}”")
        if not _BY_DIGEST.fullmatch(image):
            raise ValueError(f"{kind} needs a whole image by digest, registry/name@sha256:…; a tag can be moved")
        found[kind] = image
    return found


class ArtifactSettings(BaseModel):
    """Part of ``Settings``."""

    ARTIFACTS: Annotated[str, BeforeValidator(place)] = Field(
        FOLDER,
        description="Where thread and heap dumps are kept: folder, s3://bucket/prefix, or drive:// and the id of a "
        "folder in a shared drive. They never go to Slack; the card links them.",
    )
    ARTIFACTS_DIR: Annotated[Path, BeforeValidator(values.file)] | None = Field(
        None, description="The folder of dumps, best a volume of its own; artifacts under DATA_DIR where it isn't set."
    )
    ARTIFACTS_MAX: Annotated[int, BeforeValidator(size)] = Field(
        1024**3, description="What the folder of dumps may hold in all, such as 20Gi; 1Gi where it isn't set."
    )
    ARTIFACTS_TTL: Annotated[timedelta, BeforeValidator(values.duration(3600, 31_536_000))] = Field(
        timedelta(days=7), description="How long a dump is kept; then Fettle deletes it, and only what it made itself."
    )
    ARTIFACTS_LINKS: bool = Field(
        default=True,
        description="Whether approvers may have links to dumps in S3 that need no login for an hour, seen by whoever "
        "asked alone and audited.",
    )
    DEBUG_IMAGES: Annotated[dict[str, str], BeforeValidator(images)] = Field(
        default_factory=dict,
        description="Images of debug containers, by digest: jvm=registry.example/jdk@sha256:…, python=…; jvm needs "
        "jcmd in it, python py-spy, both a shell, sleep, dd and sha256sum.",
    )
    ARTIFACTS_S3_ENDPOINT: Annotated[str, BeforeValidator(address)] = Field(
        "", description="Base address of what speaks S3 and isn't Amazon's, such as http://minio.storage.svc:9000."
    )
    ARTIFACTS_S3_REGION: Annotated[str, BeforeValidator(region)] = Field(
        "", description="Region of the bucket; where it isn't set, the one that the pod's environment names."
    )
    ARTIFACTS_S3_ENCRYPTION: Annotated[str, BeforeValidator(encryption)] = Field(
        "AES256",
        description="How S3 encrypts dumps: AES256, aws:kms, aws:kms: and a key's id, or none where it can't.",
    )
    ARTIFACTS_DRIVE_KEY_FILE: Annotated[Path, BeforeValidator(values.file)] | None = Field(
        None, description="Key file (JSON) of the Google service account that may add to the shared drive's folder."
    )
    ARTIFACTS_DRIVE_URL: Annotated[str, BeforeValidator(address)] = Field(
        "https://www.googleapis.com", description="Google's API; another address is for tests."
    )


def contradictions(raw: Mapping[str, Any]) -> list[str]:
    """What is wrong between settings that are right each by itself."""
    if str(raw.get("ARTIFACTS", "")).strip().startswith(DRIVE_PREFIX) and not raw.get("ARTIFACTS_DRIVE_KEY_FILE"):
        return ["ARTIFACTS names a folder of Drive without ARTIFACTS_DRIVE_KEY_FILE: give the account's key file."]
    return []
