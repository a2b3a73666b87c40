"""Try the whole API as one role: `python -m tests.contract.run ROLE --size short --seed 1`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import schemathesis.cli

from tests.contract.ground import Ground, grounds
from tests.contract.hooks import Watch
from tests.contract.roles import LOCAL, PEERS, ROLES, WIDE, headers_of, headers_of_peers

CONFIG = Path(__file__).with_name("schemathesis.toml")
ALL_PHASES = "examples,coverage,fuzzing,stateful"


def options_of(role: str, size: str) -> list[str]:
    """
    Return how long a role is tried.

    Args:
        role: One of `ROLES`.
        size: `short` or `long`.
    """
    if size == "long":
        return ["--phases", ALL_PHASES, "--max-examples", "50"]
    if role in WIDE:
        return ["--phases", ALL_PHASES, "--max-examples", "2"]
    # What is wrong in itself is refused to everybody alike; who may do what shows with what is right.
    return ["--phases", "examples,coverage", "--mode", "positive"]


def run(role: str, size: str, seed: int, folder: Path) -> dict[str, Any]:
    """
    Run schemathesis against a fresh collector, and return its report.

    Args:
        role: One of `ROLES`.
        size: `short` or `long`.
        seed: Of all that is made up.
        folder: For the collector's files and the report.
    """
    report = folder / "report.json"
    with grounds(folder, guarded=role != LOCAL) as ground:
        headers = headers_of(role, ground)
        shown = headers_of_peers(ground) if role == PEERS else [headers]
        Watch(ground, *shown).register()
        credentials = [word for each in headers.items() for word in ("--header", ": ".join(each))]
        arguments = [
            *("--config-file", str(_config(role, ground, folder)), "--no-color"),
            *("run", f"{ground.url}/openapi.json", "--checks", "all", "--continue-on-failure"),
            *("--seed", str(seed), "--request-timeout", "60", "--report-json-path", str(report)),
            *(*credentials, *options_of(role, size)),
        ]
        with suppress(SystemExit):  # the report says how it went
            schemathesis.cli.schemathesis(arguments)
    return {**json.loads(report.read_text()), "role": role, "restored": ground.restored}


def _config(role: str, ground: Ground, folder: Path) -> Path:
    """Return how to try; of peers, also who they are."""
    if role != PEERS:
        return CONFIG
    who, config = folder / "peers.json", folder / "schemathesis.toml"
    peers = [
        {"name": f"peer-{number}", "fixedHeaders": [{"name": name, "value": value}]}
        for number, headers in enumerate(headers_of_peers(ground))
        for name, value in headers.items()
    ]
    who.write_text(json.dumps({"auth": peers}))  # as the Web Fuzzing Commons have it
    names = json.dumps([peer["name"] for peer in peers])
    config.write_text(f"{CONFIG.read_text()}\n[auth.wfc]\npath = {json.dumps(str(who))}\npeers = {names}\n")
    return config


def main() -> int:
    """Run, and print the report as the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=ROLES)
    parser.add_argument("--size", choices=("short", "long"), default="short")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pylogtap-contract-") as folder:
        found = run(chosen.role, chosen.size, chosen.seed, Path(folder))
    sys.stdout.write(f"{json.dumps(found)}\n")
    return int(bool(found["failures"] or found["errors"] or not found["complete"]))


if __name__ == "__main__":
    sys.exit(main())
