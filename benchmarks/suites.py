"""
Test suites of packages that others wrote, installed from their source distributions, ready to be run.

An environment of its own has pytest, its plugins, pylogtap and the packages; each suite runs in the unpacked
source distribution, as its authors run it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.measure import ROOT

if TYPE_CHECKING:
    from pathlib import Path

RUNNERS = ("pytest", "pytest-xdist", "pytest-rerunfailures")
NEEDED = (  # what the suites import beside the package itself
    "hypothesis", "pretend", "freezegun", "time-machine", "simplejson", "cloudpickle", "trio", "twisted",
    "pytest-asyncio", "pytest-regressions", "pyyaml", "tomli_w",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Suite:
    """
    A suite.

    Attributes:
        name: Of the package on PyPI.
        options: Further arguments of pytest: its authors' plugins, and none that change what it does.
    """

    name: str
    options: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """How it is named in tables."""
        return f"{self.name}, {self.options[1]} processes" if "-n" in self.options else self.name


_PLAIN = ("-p", "no:asyncio")
SUITES = (
    Suite("attrs", _PLAIN),
    Suite("click", _PLAIN),
    Suite("jinja2", ("-n", "2", *_PLAIN)),
    Suite("markdown-it-py", _PLAIN),
    Suite("marshmallow", _PLAIN),
    Suite("more-itertools", _PLAIN),
    Suite("sqlparse", _PLAIN),
    Suite("structlog"),
    Suite("packaging", _PLAIN),
)


class SuiteFolder:
    """Where the environment and the sources are; what is there already is taken as it is."""

    def __init__(self, folder: Path) -> None:
        """
        Name it.

        Args:
            folder: Is made.
        """
        self.folder = folder
        self.python = folder / "environment" / "bin" / "python"

    def prepare(self, suites: tuple[Suite, ...]) -> None:
        """
        Set up what is missing.

        Args:
            suites: Those to run.

        Raises:
            subprocess.CalledProcessError: A package cannot be had, or not be built.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(self.folder / "environment")], check=True)
            self._pip("install", *RUNNERS, *NEEDED)
        self._pip("install", "--no-deps", "-e", str(ROOT))
        self._pip("install", "msgpack", "click", "zstandard")
        for suite in suites:
            if self._find(suite) is None:
                self._download(suite)

    def source(self, suite: Suite) -> Path:
        """
        Return the folder that a suite is run in.

        Raises:
            FileNotFoundError: It has not been prepared.
        """
        found = self._find(suite)
        if found is None:
            raise FileNotFoundError(f"{suite.name} is not in {self.folder}")
        return found

    def _find(self, suite: Suite) -> Path | None:
        name = suite.name.replace("-", "_")
        return next(iter(sorted(self.folder.glob(f"sources/{name}-*/"))), None)

    def _download(self, suite: Suite) -> None:
        sources, archives = self.folder / "sources", self.folder / "archives" / suite.name
        self._pip("download", "--no-deps", "--no-binary", ":all:", suite.name, "-d", str(archives))
        with tarfile.open(next(archives.glob("*.tar.gz"))) as archive:
            archive.extractall(sources, filter="data")
        self._pip("install", str(self.source(suite)))

    def _pip(self, *arguments: str) -> None:
        subprocess.run(
            [
                str(self.python),
                "-m",
                "pip",
                *arguments[:1],
                "-q",
                "--disable-pip-version-check",
                *arguments[1:],
            ],
            check=True,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
