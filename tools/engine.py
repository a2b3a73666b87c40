"""
Start a real container engine for tests, and make their images: `python -m tools.engine start|stop|images`.

Without more it is about the engine of the machine, at /var/run/docker.sock; one that answers there is used as
it is. With `--private FOLDER` it is one of its own, with its data, its socket and its network in that folder
and in a network namespace of its own, which may be stopped and killed. Needs root and `dockerd`, which
`--install` gets on Debian and Ubuntu.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tools.engine_images import NoImage, make_images
from tools.engine_process import PACKAGES, EngineProcess, NoEngine, run_quietly

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("act", choices=("start", "stop", "images"))
    parser.add_argument("--private", type=Path, metavar="FOLDER", help="an engine of its own in this folder")
    parser.add_argument("--install", action="store_true", help="get missing programs (apt-get)")
    parser.add_argument("--anew", action="store_true", help="make images again")
    options = parser.parse_args(arguments)
    engine = EngineProcess(options.private)
    try:
        with alone():
            if options.act == "stop":
                engine.remove()
                print("stopped")
                return
            if options.install:
                install()
            engine.start()
            print(f"DOCKER_HOST={engine.address}")
            if options.act == "images":
                print(f"images made: {', '.join(make_images(engine.address, anew=options.anew)) or 'none'}")
    except (NoEngine, NoImage) as error:
        sys.exit(f"no engine: {error}")


@contextmanager
def alone() -> Iterator[None]:
    """Keep other processes of the same machine from starting an engine or making images meanwhile."""
    with Path(tempfile.gettempdir(), "pylogtap-engine.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install() -> None:
    """
    Get what is missing from Debian's or Ubuntu's packages.

    Raises:
        NoEngine: It cannot be had.
    """
    missing = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    if not missing:
        return
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NoEngine(f"install {', '.join(missing)}")
    if run_quietly(*command) and (run_quietly("apt-get", "update", "-qq") or run_quietly(*command)):
        raise NoEngine(f"`{' '.join(command)}` fails")


if __name__ == "__main__":
    main()
