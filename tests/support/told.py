"""What a run of pytest has told: read from the spool that it left, with no collector in between."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack

from pylogtap import segment, wire
from tests.support.spooled import DEAD_URL

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ("-p", "no:cacheprovider", "-p", "pylogtap")  # by their entry points
XDIST = ("-p", "xdist")
RERUNS = ("-p", "rerunfailures")


@dataclass
class Told:
    """
    What one or several processes have told of one run.

    Attributes:
        run: What is known of the run, all facts together.
        ids: Ids of the runs; one, where all is well.
        started: Cases that have begun, by id.
        cases: What was told last of each case, by id.
        done: How often each case was told to be done, by id.
        warnings: Warnings.
        end: How the run ended; None: nobody said it.
        records: What was logged: arguments, or the text where there are none, and rare parts.
        templates: Texts of the call sites in the current segment, by number.
    """

    run: dict[str, Any] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    prefixes: set[str] = field(default_factory=set)
    started: dict[str, dict[str, Any]] = field(default_factory=dict)
    cases: dict[str, dict[str, Any]] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    end: dict[str, Any] | None = None
    records: list[tuple[Any, dict[str, Any]]] = field(default_factory=list)
    templates: dict[int, Any] = field(default_factory=dict)

    def take(self, item: list[Any]) -> None:
        """Take one payload."""
        if item[0]:
            args = item[2] or self.templates.get(item[0])
            self.records.append((args, item[4] if len(item) > 4 else {}))
        if item[:2] == [0, wire.KIND_SITE]:
            self.templates[item[2]] = item[7]
        if item[:2] != [0, wire.KIND_TEST]:
            return
        _, _, _, prefix, run, event, facts = item
        self.ids.add(run)
        self.prefixes.add(prefix)
        if event == wire.TEST_BEGIN:
            self.run.update(facts)
        elif event == wire.TEST_START:
            self.started[facts["id"]] = facts
        elif event == wire.TEST_CASE:
            self.cases[facts["id"]] = facts
            self.done[facts["id"]] = self.done.get(facts["id"], 0) + bool(facts.get("done"))
        elif event == wire.TEST_WARNING:
            self.warnings.append(facts)
        elif event == wire.TEST_END:
            assert self.end is None
            self.end = facts

    def case(self, name: str) -> dict[str, Any]:
        """Return the one case whose node ends so, as it was told last."""
        found = [each for each in self.cases.values() if each["node"].endswith(name)]
        assert len(found) == 1, sorted(each["node"] for each in self.cases.values())
        return found[0]

    def outcomes(self) -> dict[str, str]:
        """Return outcomes by name."""
        return {each["name"]: each["outcome"] for each in self.cases.values()}

    def logged(self, text: str) -> list[dict[str, Any]]:
        """Return the rare parts of records with an argument or a text."""
        return [
            more for args, more in self.records if args == text or (isinstance(args, list) and text in args)
        ]


def told_in(spool: Path) -> Told:
    """Return what is in a spool directory."""
    told = Told()
    for path in sorted(spool.glob(f"*/*{segment.SUFFIX}")):
        dead = segment.open_file(str(path))
        told.templates.clear()  # numbers are those of a segment
        body = dead.memory[wire.HEADER_SIZE : dead.end]
        for _, payload in wire.split_frames(body, wire.HEADER_SIZE, dead.salt)[0]:
            told.take(msgpack.unpackb(payload, strict_map_key=False))
        dead.close()
    return told


@dataclass
class Ran:
    """
    A run that has ended.

    Attributes:
        status: What pytest returned.
        output: What it printed.
        told: What it told.
    """

    status: int
    output: str
    told: Told


class SuiteRun:
    """A suite in a folder of its own, run by a pytest of its own that loads the plugins it is told to."""

    def __init__(self, folder: Path) -> None:
        """
        Make the folder.

        Args:
            folder: For the suite and the spool.
        """
        self.folder, self.spool = folder / "suite", folder / "spool"
        self.folder.mkdir()
        (self.folder / "pytest.ini").write_text("[pytest]\nmarkers = flaky: reruns\n")
        names = ("PYTEST_", "PYLOGTAP", "GITHUB_", "CI_", "GITLAB")
        self.environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(names) and name != "CI"
            },
            "PYTHONPATH": str(ROOT),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYLOGTAP_SPOOL_DIR": str(self.spool),
            "PYLOGTAP_URL": DEAD_URL,
        }

    def write(self, **files: str) -> None:
        """Write modules, by their names."""
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text)

    def start(self, *words: str, on: tuple[str, ...] = ("--pylogtap",)) -> subprocess.Popen[str]:
        """Start pytest on the suite."""
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", *PLUGINS, *on, *words],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: str, on: tuple[str, ...] = ("--pylogtap",)) -> Ran:
        """Run pytest on the suite, and return what became of it; forgets what was told before."""
        shutil.rmtree(self.spool, ignore_errors=True)
        process = self.start(*words, on=on)
        output, _ = process.communicate(timeout=100)
        return Ran(process.returncode, output, told_in(self.spool))
