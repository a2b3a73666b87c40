"""What is known of a run of pytest when it begins: how it was called, and with what."""

from __future__ import annotations

import os
import platform
import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap.cases.facts import MAX_ITEMS, shorten
from pylogtap.prefix import Prefix, find_prefix, host_name
from pylogtap.redact import REDACTED
from pylogtap.values import well_formed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pylogtap.cases.facts import RunFacts
    from pylogtap.redact import Redactor

_MAX_COMMAND = 2_000  # characters
_USER = re.compile(r"(://)[^/@\s]+@")  # of an address, with its password
# Options of pytest and of widely used plugins that choose among the tests.
_HEAD = 400  # characters of METADATA; the version is among the first lines (core metadata specifications)
_CHOOSING = (
    "lf",
    "stepwise",
    "deselect",
    "ignore",
    "ignore_glob",
    "splits",
    "testmon",
    "picked",
    "changed_only",
)


def run_facts(config: pytest.Config, redactor: Redactor) -> RunFacts:
    """
    Return what can be told of a run at once.

    Args:
        config: Of the run.
        redactor: Judges names of options.
    """
    facts: RunFacts = {
        "runner": "pytest",
        "runner_version": pytest.__version__,
        "source": "plugin",
        "command": command_line(("pytest", *map(str, config.invocation_params.args)), redactor),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "host": host_name(),
        "pid": os.getpid(),
        "root": well_formed(str(config.rootpath)),
        "plugins": _plugins(config),
        "whole": is_whole(config),
    }
    if seed := _seed(config.option, os.environ):
        facts["seed"] = seed
    return facts


def command_line(words: Sequence[str], redactor: Redactor) -> str:
    """
    Return a command line as people write it, without values of options whose names say that they are secret.

    Args:
        words: The program and its arguments.
        redactor: Judges names.
    """
    shown, is_secret = [], False
    for word in words:
        name, equals, _ = word.partition("=")
        if is_secret and not word.startswith("-"):
            shown.append(REDACTED)
        elif equals and redactor.is_secret(name):
            shown.append(f"{name}={REDACTED}")
        else:
            shown.append(_USER.sub(rf"\1{REDACTED}@", word))
        is_secret = not equals and word.startswith("-") and redactor.is_secret(word)
    return well_formed(
        shorten(" ".join(word if REDACTED in word else shlex.quote(word) for word in shown), _MAX_COMMAND)
    )


def is_whole(config: pytest.Config) -> bool:
    """
    Tell whether the whole suite was asked for: no path, name, mark or other choice on the command line.

    Args:
        config: Of the run.
    """
    option, usual = config.option, _usual_words(config)
    if any(getattr(option, name, None) for name in _CHOOSING) or (getattr(option, "num_shards", 1) or 1) > 1:
        return False
    for chosen in (getattr(option, "keyword", ""), getattr(option, "markexpr", "")):
        if chosen and not any(word.endswith(chosen) for word in usual):
            return False
    invoked_in, root = config.invocation_params.dir, config.rootpath
    if config.args_source.name == "ARGS":
        wanted = {os.path.abspath(invoked_in / word) for word in config.args}  # noqa: PTH100 - links stay
        usual_paths = {os.path.abspath(root / path) for path in config.getini("testpaths")}  # noqa: PTH100
        return wanted in (usual_paths, {str(root)})
    return config.args_source.name == "TESTPATHS" or invoked_in == root


def _usual_words(config: pytest.Config) -> list[str]:
    """Return the words that the project's configuration puts on each command line."""
    words = config.getini("addopts")
    return [str(word) for word in (words if isinstance(words, list) else shlex.split(words or ""))]


def _plugins(config: pytest.Config) -> dict[str, str]:
    found: dict[str, str] = {}
    for _, distribution in config.pluginmanager.list_plugin_distinfo():
        if len(found) < MAX_ITEMS:
            found[str(distribution.project_name)] = _version_of(distribution)
    return found


def _version_of(distribution: Any) -> str:
    """Return a distribution's version without parsing all of what it says of itself, which takes a while."""
    head = (distribution.read_text("METADATA") or "")[:_HEAD]
    for line in head.splitlines():
        if line.startswith("Version:"):
            return line.removeprefix("Version:").strip()
    return str(distribution.version)


def _seed(option: Any, environment: Mapping[str, str]) -> str:
    """Return what has to be set to have the same order and data again."""
    words = []
    seed = getattr(option, "randomly_seed", None)
    if isinstance(seed, int):  # pytest-randomly
        words.append(f"--randomly-seed={seed}")
    if getattr(option, "random_order_bucket", None) and (seed := getattr(option, "random_order_seed", None)):
        words.append(f"--random-order-seed={seed}")  # pytest-random-order
    if environment.get("PYTHONHASHSEED"):
        words.append(f"PYTHONHASHSEED={environment['PYTHONHASHSEED']}")
    return " ".join(words)[:200]


def run_prefix(given: str | None, root: Path, environment: Mapping[str, str]) -> Prefix:
    """
    Return where a run belongs; by default the project is named after its folder, and the service `tests`.

    Args:
        given: `project/service/instance`, may be incomplete; None: nothing was given.
        root: The suite's folder.
        environment: The environment variables.

    Raises:
        PrefixError: What is given is no prefix.
    """
    known = dict(environment)
    resource = known.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if "service.namespace=" not in resource:
        known.setdefault("PYLOGTAP_PROJECT", root.name)
    if "OTEL_SERVICE_NAME" not in known and "service.name=" not in resource:
        known.setdefault("PYLOGTAP_SERVICE", "tests")
    return find_prefix(given, known)
