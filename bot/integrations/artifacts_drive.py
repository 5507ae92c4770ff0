"""Dumps in a folder of Google Drive, by its resumable upload: a session, pieces with their range, 308 while one lacks.

The folder must lie in a shared drive to which the service account was added: such accounts have no room of their own.
Whoever opens the link needs a login that may read that folder. Files carry the execution in ``appProperties``, which
this account alone sees. It refuses to share anything with anybody.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bot.domain.artifact import Draft, Kept
from bot.domain.errors import FettleError, ForbiddenError, NotFoundError, RejectedError, UnavailableError
from bot.domain.redaction import redact
from bot.integrations.artifacts import MARK
from bot.integrations.door import Access, Door, Reply
from bot.integrations.google_account import ServiceAccount

FILES, UPLOADS = "/drive/v3/files", "/upload/drive/v3/files"
FIELDS = "id,name,size,sha256Checksum,webViewLink,appProperties,trashed"
WITHIN, SENT_WITHIN = 15.0, 120.0
"""Seconds for a question, and for a piece of 8 MiB."""
GOES_ON = 308
_WHOLE = frozenset({200, 201})
_PASSING = frozenset({408, 429, 500, 502, 503, 504})


class Drive:
    """One folder, by its id."""

    def __init__(self, folder: str, key_file: Path, url: str, clock: Callable[[], datetime]) -> None:
        self._folder, self._url = folder, url
        self._account = ServiceAccount(key_file, clock)
        self._door = Door(Access("Google Drive", "ARTIFACTS_DRIVE", url))

    @property
    def place(self) -> str:
        """``drive://FOLDER``."""
        return f"drive://{self._folder}"

    async def close(self) -> None:
        """Closes the connections."""
        await self._door.close()

    async def check(self) -> str:
        """Whether the folder is there for us, and may be written."""
        params = {"supportsAllDrives": "true", "fields": "name,capabilities(canAddChildren)"}
        reply = await self.ask("GET", f"{FILES}/{self._folder}", params)
        if not (await _told(reply)).get("capabilities", {}).get("canAddChildren"):
            raise ForbiddenError("The folder of ARTIFACTS is there, and Fettle's account may add nothing to it.")
        return f"Dumps go to {self.place}, where Google encrypts them."

    async def room(self) -> int | None:
        """Not known: the shared drive's limit is the organisation's."""
        return None

    async def begin(self, draft: Draft) -> _Session:
        """Opens a session; there is no file before it is whole."""
        if await self.find(draft.name, draft.execution) is not None:
            raise RejectedError(f"{self.place} has {draft.name} already; nothing is overwritten.", "exists")
        about = {
            "name": draft.name,
            "parents": [self._folder],
            "description": ", ".join(f"{name} {value}" for name, value in draft.facts.items()),
            "appProperties": {MARK: draft.execution},
        }
        params = {"uploadType": "resumable", "supportsAllDrives": "true", "fields": FIELDS}
        headers = {
            "Content-Type": "application/json; charset=UTF-8", "X-Upload-Content-Type": "application/octet-stream",
            "X-Upload-Content-Length": str(draft.size),
        }  # fmt: skip
        reply = await self.ask("POST", UPLOADS, params, headers, json.dumps(about).encode())
        session = reply.headers.get("location", "")
        if not session.startswith(f"{self._url}/"):
            raise RejectedError("Google Drive names another place for the upload than ARTIFACTS_DRIVE_URL.", "location")
        return _Session(self, draft, session.removeprefix(self._url))

    @property
    def lends(self) -> bool:
        """It makes none."""
        return False

    async def lend(self, kept: Kept, lasting: timedelta) -> str:  # noqa: ARG002 - the protocol's
        """Refused."""
        raise RejectedError("Google Drive asks everybody for a login.", "link")

    async def find(self, name: str, execution: str) -> Kept | None:
        """By the mark, which only this account sees."""
        params = {
            "q": f"'{self._folder}' in parents and trashed = false and "
            f"appProperties has {{ key='{MARK}' and value='{execution}' }}",
            "fields": f"files({FIELDS})", "supportsAllDrives": "true", "includeItemsFromAllDrives": "true",
        }  # fmt: skip
        found = (await _told(await self.ask("GET", FILES, params))).get("files", [])
        return next((self.kept(one) for one in found if one.get("name") == name), None)

    async def delete(self, kept: Kept) -> bool:
        """The file, if it still carries the mark; it doesn't go to the bin, since it may hold secrets."""
        params = {"supportsAllDrives": "true", "fields": FIELDS}
        try:
            found = await _told(await self.ask("GET", f"{FILES}/{kept.ref}", params))
        except NotFoundError:
            return False
        if (found.get("appProperties") or {}).get(MARK) != kept.execution:
            raise RejectedError(f"{kept.link} doesn't carry Fettle's mark any more; it isn't deleted.", "mark")
        with contextlib.suppress(NotFoundError):
            await self.ask("DELETE", f"{FILES}/{kept.ref}", {"supportsAllDrives": "true"})
        return True

    async def tidy(self, before: datetime) -> int:  # noqa: ARG002 - the protocol's
        """Nothing: a session that isn't finished is forgotten by Google after a week."""
        return 0

    def kept(self, found: Mapping[str, Any]) -> Kept:
        """As it is recorded, by Drive's own word."""
        return Kept(
            self.place,
            str(found["id"]),
            str(found["name"]),
            int(found.get("size") or 0),
            str(found.get("sha256Checksum", "")),
            str((found.get("appProperties") or {}).get(MARK, "")),
            str(found.get("webViewLink") or f"https://drive.google.com/file/d/{found['id']}/view"),
        )

    async def ask(
        self, method: str, path: str, params: Mapping[str, str], headers: Mapping[str, str] | None = None,
        body: bytes | None = None, *, within: float = WITHIN,
    ) -> Reply:  # fmt: skip
        """One question with the account's token, asked again with another token if that one was refused."""
        for last in (False, True):
            shown = {"Authorization": f"Bearer {await self._account.token()}", **(headers or {})}
            reply = await self._door.exchange(method, path, shown, params, within=within, body=body)
            if reply.status != 401 or last:
                break
            self._account.forget()
        await _refuse(reply)
        return reply


class _Session:
    """A session's address is its ticket: it is kept in memory alone."""

    def __init__(self, drive: Drive, draft: Draft, path: str) -> None:
        self._drive, self._draft, self._path = drive, draft, path
        self._digest = hashlib.sha256()
        self._size = 0
        self._sent: dict[int, bytes] = {}
        self._whole: Mapping[str, Any] | None = None

    async def append(self, chunk: bytes) -> None:
        """Puts the next bytes; Drive may have kept a part of them when it doesn't answer."""
        end = self._size + len(chunk) - 1
        reply = await self._put(f"bytes {self._size}-{end}/{self._draft.size}", chunk)
        taken = end + 1 if self._whole is not None else _upto(reply)
        self._took(chunk, taken)
        if taken != end + 1:
            raise UnavailableError(f"Google Drive took {taken} of {end + 1} bytes.")

    async def held(self) -> int:
        """Asked of Drive."""
        reply = await self._put(f"bytes */{self._draft.size}", b"")
        taken = self._draft.size if self._whole is not None else _upto(reply)
        self._took(self._sent.get(self._size, b""), taken)
        return taken

    async def finish(self) -> Kept:
        """What Drive says of the file must be what left the container."""
        draft = self._draft
        if self._size == draft.size and self._whole is None:
            await self.held()  # the last answer was lost
        kept = self._drive.kept(self._whole) if self._whole is not None else None
        if kept is None or self._digest.hexdigest() != draft.sha256 or kept.size != draft.size:
            raise RejectedError(f"{draft.name} isn't what left the container: size or SHA-256 differ.", "digest")
        if kept.sha256 != draft.sha256:
            with contextlib.suppress(FettleError):
                await self._drive.delete(kept)
            raise RejectedError(f"Google Drive holds another content of {draft.name} than it was sent.", "digest")
        return kept

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._whole is None:
            with contextlib.suppress(FettleError):
                await self._drive.ask("DELETE", self._path, {})

    def _took(self, chunk: bytes, upto: int) -> None:
        """Counts what Drive has of a chunk that was sent from here on."""
        if upto > self._size:
            self._digest.update(chunk[: upto - self._size])
            self._size = upto

    async def _put(self, span: str, chunk: bytes) -> Reply:
        self._sent = {self._size: chunk} if chunk else self._sent
        reply = await self._drive.ask("PUT", self._path, {}, {"Content-Range": span}, chunk, within=SENT_WITHIN)
        if reply.status in _WHOLE:
            self._whole = await _told(reply)
        return reply


def _upto(reply: Reply) -> int:
    """How many bytes Drive has: ``Range: bytes=0-42`` is 43, none is 0."""
    _, _, last = reply.headers.get("range", "").rpartition("-")
    return int(last) + 1 if last.isdecimal() else 0


async def _told(reply: Reply) -> Mapping[str, Any]:
    try:
        found = await reply.data()
    except ValueError as exc:
        raise RejectedError("Google Drive answers what isn't JSON.", "json") from exc
    if not isinstance(found, dict):
        raise RejectedError("Google Drive answers what isn't an object.", "json")
    return found


async def _refuse(reply: Reply) -> None:
    if reply.status in _WHOLE or reply.status in {204, 499, GOES_ON}:
        return
    said = ""
    with contextlib.suppress(RejectedError):
        error = (await _told(reply)).get("error") if reply.json else None
        said = redact(str(error.get("message", "")))[:160] if isinstance(error, dict) else ""
    if reply.status in _PASSING:
        raise UnavailableError(f"Google Drive answers {reply.status} for now.", reply.retry_after)
    if reply.status in {404, 410}:
        raise NotFoundError("Google Drive doesn't have it: look at the folder in ARTIFACTS, and who may see it.")
    if reply.status in {401, 403}:
        raise ForbiddenError(
            f"Google Drive refuses us ({reply.status}): {said or 'no reason given'}. Add the service account to the "
            "shared drive as a content manager."
        )
    raise RejectedError(f"Google Drive refuses the request ({reply.status}): {said or 'no reason given'}.", "drive")
