"""The one store of dumps that the settings name; nothing is opened or asked before the first dump."""

from __future__ import annotations

from pathlib import Path

from bot import clock
from bot.integrations.artifacts import Artifacts
from bot.integrations.artifacts_drive import Drive
from bot.integrations.artifacts_folder import Folder
from bot.integrations.artifacts_s3 import S3, Bucket
from bot.settings_artifacts import DRIVE_PREFIX, S3_PREFIX, ArtifactSettings


def named(settings: ArtifactSettings, data_dir: Path) -> Artifacts:
    """``s3://``, ``drive://``, or the folder."""
    place = settings.ARTIFACTS
    if place.startswith(S3_PREFIX):
        bucket, _, prefix = place.removeprefix(S3_PREFIX).partition("/")
        return S3(
            Bucket(
                bucket,
                prefix,
                settings.ARTIFACTS_S3_REGION,
                settings.ARTIFACTS_S3_ENDPOINT,
                settings.ARTIFACTS_S3_ENCRYPTION,
            )
        )
    if place.startswith(DRIVE_PREFIX) and settings.ARTIFACTS_DRIVE_KEY_FILE is not None:
        folder = place.removeprefix(DRIVE_PREFIX)
        return Drive(folder, settings.ARTIFACTS_DRIVE_KEY_FILE, settings.ARTIFACTS_DRIVE_URL, clock.now)
    return Folder(settings.ARTIFACTS_DIR or data_dir / "artifacts", settings.ARTIFACTS_MAX)
