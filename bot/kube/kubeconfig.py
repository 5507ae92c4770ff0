"""Which cluster, and with whose credentials: the pod's account, or a kubeconfig as kubectl takes it.

The client's loader takes a missing file for an empty one, goes on without credentials when a login command fails, and
words its complaints for programmers; so the file is looked at first and each thing that is wrong is a sentence.
It refuses to ask the cluster anything.
"""

from __future__ import annotations

import difflib
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio import config
from kubernetes.aio.client.configuration import Configuration

from bot.domain.errors import ConfigError

kube_config: Any = config
"""The client's loaders carry no types; said once here."""

ACCOUNT_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
"""Where a pod finds its service account."""

STUMBLES = (kube_config.ConfigException, OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError)
"""What the loader raises, whatever a malformed file makes it stumble over."""

# It logs why a login command failed and goes on; here that is a sentence and an end.
logging.getLogger("kubernetes.aio.config.kube_config").setLevel(logging.CRITICAL)


async def load(configuration: Configuration, kubeconfig: str | None, context: str | None) -> tuple[str, str]:
    """Fills ``configuration``; returns (cluster name, context name). Raises ``ConfigError`` with a sentence."""
    if kubeconfig is None and _in_pod():
        try:
            kube_config.load_incluster_config(client_configuration=configuration)
        except (kube_config.ConfigException, OSError) as error:
            raise ConfigError([f"The pod's account can't be used: {error}. Is it mounted?"]) from error
        return "in-cluster", ""
    named = kubeconfig or "~/.kube/config"
    _look(named, context)
    try:
        loader = await kube_config.load_kube_config(
            config_file=kubeconfig, context=context or None, client_configuration=configuration, persist_config=False
        )
    except STUMBLES as error:
        # One line: a parser's complaint may go on for several, and quote the file's secrets in the later ones.
        raise ConfigError([_unusable(named, str(error).partition("\n")[0])]) from error
    # The loader has no public way to say which cluster entry it took, and whether it got credentials.
    current = loader._current_context  # noqa: SLF001
    _refuse_anonymous(named, loader)
    return str(current["context"]["cluster"]), str(current["name"])


def _in_pod() -> bool:
    return ACCOUNT_TOKEN.is_file()


def unusable_certificates(kubeconfig: str | None, error: Exception) -> ConfigError:
    """The error for certificates that Python's TLS refuses to load."""
    return ConfigError([_unusable(kubeconfig or "the pod's account", f"a certificate or key in it is none ({error})")])


def _unusable(where: str, why: str) -> str:
    return f"KUBECONFIG: {where} can't be used: {why}. Name a kubeconfig that kubectl accepts."


def _look(kubeconfig: str, context: str | None) -> None:
    """Raises for what the loader would word badly; several files, with colons between, are merged as kubectl does."""
    paths = [Path(each).expanduser() for each in kubeconfig.split(os.pathsep) if each]
    there = [path for path in paths if path.exists()]
    if not there:
        sentence = f"KUBECONFIG: there is no file {kubeconfig}. Name a kubeconfig that kubectl accepts."
        raise ConfigError([sentence])
    tables = [_table(path) for path in there]
    names = [
        str(each.get("name", "")) for table in tables for each in table.get("contexts") or [] if isinstance(each, dict)
    ]
    # As the loader does: the last file that names a current context wins.
    current = next((str(table["current-context"]) for table in reversed(tables) if table.get("current-context")), "")
    wanted = context or current
    if not wanted:
        raise ConfigError([f"KUBECONFIG: {kubeconfig} has no current context. Set KUBE_CONTEXT to {_one_of(names)}."])
    if wanted not in names:
        setting = "KUBE_CONTEXT" if context else f"The current context of {kubeconfig}"
        near = difflib.get_close_matches(wanted, names, n=1)
        advice = f"did you mean {near[0]}?" if near else f"set KUBE_CONTEXT to {_one_of(names)}."
        raise ConfigError([f"{setting} is “{wanted}”, and the kubeconfig has no context of that name: {advice}"])


def _one_of(names: list[str]) -> str:
    return f"one of {', '.join(names)}" if names else "a context, once the file has one"


def _table(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError([_unusable(str(path), (error.strerror or type(error).__name__).lower())]) from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        at = getattr(error, "problem_mark", None)
        where = f" at line {at.line + 1}" if at else ""
        raise ConfigError([_unusable(str(path), f"it is no YAML{where}")]) from error
    if not isinstance(found, dict) or not isinstance(found.get("contexts") or [], list):
        raise ConfigError([_unusable(str(path), "it is empty" if found is None else "it holds no contexts")])
    return found


def _refuse_anonymous(kubeconfig: str, loader: Any) -> None:
    """Raises when the context's user has a login command that gave nothing: the cluster would see nobody."""
    user = loader._user  # noqa: SLF001 - as above
    if not user or "exec" not in user or _attribute(loader, "token") or _attribute(loader, "cert_file"):
        return
    command = str(user["exec"]["command"])
    why = "failed; run it by hand to see why" if shutil.which(command) else "isn't installed here"
    sentence = f"the login command {command} of its user {why}"
    raise ConfigError([_unusable(kubeconfig, sentence)])


def _attribute(loader: Any, name: str) -> Any:
    """An attribute that the loader sets only once it has something to put there."""
    return loader.__dict__.get(name)
