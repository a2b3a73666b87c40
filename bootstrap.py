"""
From nothing but Python to a running demo, or to the tests; nothing is set up outside this folder.

::

    python3 bootstrap.py demo [arguments of `pylogtap demo`]
    python3 bootstrap.py test [arguments of pytest]

Both set up `.venv` first, which takes a minute once and nothing later. No root is needed. Packages come from
where pip gets them: its configuration and its environment variables count as always.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

LEAST = (3, 11)
HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
PYTHON = VENV / "bin" / "python"
CONSTRAINTS = HERE / "requirements" / "constraints.txt"
DEBIANS_WHEELS = "usr/share/python-wheels"  # where Debian and Ubuntu keep the pip that makes environments
NEEDS = {
    "demo": ["-e", ".[collector]", "-e", "./collector"],
    "test": ["-e", ".[fast,structlog,parquet]", "-e", "./collector", "--group", "dev"],
}
PROGRAMS = {"demo": ["pylogtap", "demo"], "test": ["pytest"]}


def main(arguments: "list[str]") -> None:
    """Set up what the first argument asks for, and become that program."""
    if sys.version_info < LEAST:
        sys.exit(
            f"pylogtap needs Python 3.11 or newer; this is {sys.version.split()[0]}. "
            "Debian 12 and Ubuntu 24.04 have one as python3; or start this file with another Python."
        )
    if not arguments or arguments[0] not in PROGRAMS:
        sys.exit((__doc__ or "").strip())
    what, *rest = arguments
    set_up(what)
    program, *fixed = PROGRAMS[what]
    os.chdir(HERE)
    os.execv(VENV / "bin" / program, [program, *fixed, *rest])


def set_up(what: str) -> None:
    """Make the environment and install what is wanted, unless that was done for these very files."""
    stamp = VENV / f".set-up-for-{what}"
    state = fingerprint()
    if stamp.is_file() and stamp.read_text() == state and works("--version"):
        return
    say(f"setting up {VENV} with Python {sys.version.split()[0]}: about a minute, once")
    if not works("--version"):
        make_environment()
    if not works("-m", "pip", "--version"):
        bring_pip()
    pip = [str(PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", "-c", str(CONSTRAINTS)]
    run([*pip, "pip"])
    run([*pip, *NEEDS[what]])
    stamp.write_text(state)


def fingerprint() -> str:
    """Return a text that changes when the environment has to be set up anew."""
    files = (HERE / "pyproject.toml", HERE / "collector" / "pyproject.toml", CONSTRAINTS)
    content = b"\0".join(file.read_bytes() for file in files)
    return hashlib.sha256(content).hexdigest()


def make_environment() -> None:
    """Make `.venv`, without pip: not every Python can put one there."""
    try:
        import venv  # noqa: PLC0415 - a minimal Python has none
    except ImportError:
        give_up()
    venv.create(VENV, clear=True, symlinks=True)


def bring_pip() -> None:
    """
    Bring pip into the environment.

    Debian's and Ubuntu's python3 cannot do that itself without the package python3-venv. So after Python's
    own way come a pip of the machine, and the wheel that python3-venv would use: installed, or fetched by
    apt-get, which any user may do.
    """
    if works("-m", "ensurepip", "--default-pip"):
        return
    if tried([sys.executable, "-m", "pip", "--python", str(PYTHON), "install", "-q", "pip"]):
        return
    with tempfile.TemporaryDirectory() as folder:
        for root in (Path("/"), Path(folder)):
            if root != Path("/"):
                say("fetching pip's wheel with apt-get, as python3-venv is not installed")
                tried(["apt-get", "download", "-qq", "python3-pip-whl"], folder)
                for package in Path(folder).glob("*.deb"):
                    tried(["dpkg-deb", "-x", str(package), folder])
            for wheel in sorted(root.glob(f"{DEBIANS_WHEELS}/pip-*.whl")):
                if works(f"{wheel}/pip", "install", "-q", "--no-index", str(wheel)):
                    return
    give_up()


def works(*arguments: str) -> bool:
    """Tell if the environment's Python can do something."""
    return tried([str(PYTHON), *arguments])


def tried(command: "list[str]", folder: "str | None" = None) -> bool:
    """Run a command quietly, and tell if it went well."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    except OSError:  # there is no such program
        return False
    return done.returncode == 0


def run(command: "list[str]") -> None:
    """Run a command, and end with its exit code if it fails."""
    code = subprocess.run(command, cwd=HERE, check=False).returncode
    if code:
        sys.exit(f"bootstrap: this failed with exit code {code}, see above: {' '.join(command)}")


def give_up() -> NoReturn:
    """End with what has to be installed."""
    sys.exit("bootstrap: this Python makes no environments with pip; run: sudo apt-get install python3-venv")


def say(text: str) -> None:
    """Tell what goes on, beside the output of the program that is started."""
    print(f"bootstrap: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
