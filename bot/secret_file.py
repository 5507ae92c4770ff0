"""Secrets that may stand in files; one that is replaced meanwhile (a bound token, a Vault agent) is read again.

It is looked at every few seconds and whenever what it held was refused; whoever uses a secret takes its ``value`` each
time. Something wrong in the new file leaves the old value in force and is said once. It refuses to show what it holds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import structlog
from pydantic import BaseModel, PrivateAttr, SecretStr, TypeAdapter, ValidationError

from bot.domain import redaction

log = structlog.get_logger(__name__)

LARGEST = 1024 * 1024
Signature = tuple[int, int, int, int]


class Secret:
    """One setting that is a secret; ``file`` is where it stands, None for one that never changes."""

    def __init__(self, name: str, value: Any, file: Path | None = None, read: Callable[[str], Any] = SecretStr) -> None:
        self.name = name
        self.file = file
        self._value = value
        self._read = read
        self._seen: Signature | None = None
        self._said = ""
        self.replaced = False
        self._looking = threading.Lock()

    @property
    def value(self) -> Any:
        """What is in force now."""
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self.name, self.file, self._value) == (
            other.name,
            other.file,
            other.value,
        )

    def __hash__(self) -> int:
        return hash((self.name, self.file))

    def get_secret_value(self) -> str:
        """The same of a single secret, as its typed form has it."""
        return str(self._value.get_secret_value())

    def look(self, *, whatever: bool = False) -> bool:
        """Reads the file if it changed (``whatever``: in any case); True when another value is in force now.

        It waits for the disk, so it is called beside the loop.
        """
        if self.file is None:
            return False
        with self._looking:
            try:
                seen = _signature(self.file)
                if seen == self._seen and not whatever:
                    return False
                with self.file.open("rb") as opened:
                    said = opened.read(LARGEST).decode().strip()
                found = self._read(said) if said else None
            except OSError as error:
                self._tell(f"it can't be read ({error.strerror})")
                return False
            except UnicodeDecodeError:
                self._tell("it is no text")
                return False
            except ValidationError as error:
                one = error.errors(include_url=False, include_input=False)[0]
                self._tell(f"it {one.get('ctx', {}).get('error', one['msg'])}")
                return False
            except ValueError as error:
                self._tell(str(error))
                return False
            self._seen = seen
            if found is None:
                self._tell("it is empty")
                return False
            return self._take(found)

    def _take(self, found: Any) -> bool:
        if self._said:
            self._said = ""
            log.info("the file of a secret is in order again", setting=self.name, file=str(self.file))
        if found == self._value:
            return False
        redaction.learn(texts(found))
        self._value = found
        self.replaced = True
        log.info("a secret was read again from its file", setting=self.name, file=str(self.file))
        return True

    def _tell(self, problem: str) -> None:
        if problem != self._said:
            self._said = problem
            where = {"setting": self.name, "file": str(self.file)}
            log.warning("the file of a secret can't be used; the old value stays", **where, problem=problem)


class SecretSettings(BaseModel):
    """Settings some of which are secrets that may stand in files."""

    _secrets: dict[str, Secret] = PrivateAttr(default_factory=dict)

    def secret(self, name: str) -> Secret:
        """The secret of this name, which follows its file where it has one."""
        return self._secrets.get(name) or Secret(name, getattr(self, name))

    def follow(self, files: Mapping[str, Path]) -> None:
        """From now on the secrets among these settings are those of the files, by setting."""
        for name, file in files.items():
            field = type(self).model_fields.get(name)
            if field is not None:
                shape: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
                reader: TypeAdapter[Any] = TypeAdapter(shape)
                self._secrets[name] = Secret(name, getattr(self, name), file, reader.validate_python)

    @property
    def follows(self) -> bool:
        """Whether any secret stands in a file."""
        return bool(self._secrets)

    def look_at_files(self) -> None:
        """Looks at every file of a secret; beside the loop."""
        for one in self._secrets.values():
            one.look()

    def replaced(self) -> list[str]:
        """The settings whose file held something else since this was asked last."""
        names = [name for name, one in self._secrets.items() if one.replaced]
        for name in names:
            self._secrets[name].replaced = False
        return names


def text(secret: str | Secret) -> str:
    """A token as it is now."""
    return secret if isinstance(secret, str) else str(secret.value.get_secret_value())


def texts(value: Any) -> Iterable[str]:
    """Every secret text in a value of a setting, and the password of a pair; for hiding alone."""
    if isinstance(value, SecretStr):
        whole: str = value.get_secret_value()
        return [part for part in (whole, whole.partition(":")[2]) if part]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [found for one in value for found in texts(one)] if isinstance(value, list | tuple) else []


def _signature(file: Path) -> Signature:
    found = file.stat()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
