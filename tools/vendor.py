"""
Fetch what VENDOR.toml pins, through npm, and check its hashes: `python -m tools.vendor`.

Needs npm; only somebody who changes a version runs this. The files are committed, so neither an installation
nor the tests need npm.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "collector/pylogtap_collector/web/static/vendor"


def main() -> int:
    """Fetch all packages; return 1 where a file is not what its hash says, 0 otherwise."""
    wrong: list[str] = []
    for package in tomllib.loads((FOLDER / "VENDOR.toml").read_text())["package"]:
        with tempfile.TemporaryDirectory() as folder:
            wrong += _unpack(package, _pack(package, Path(folder)))
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    return 1 if wrong else 0


def _pack(package: dict[str, Any], folder: Path) -> Path:
    wanted = f"{package['name']}@{package['version']}"
    subprocess.run(["npm", "pack", wanted], cwd=folder, check=True, capture_output=True)  # noqa: S603, S607 -- pinned names
    return next(folder.glob("*.tgz"))


def _unpack(package: dict[str, Any], archive: Path) -> list[str]:
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if package["integrity"] != f"sha512-{digest}":
        return [f"{package['name']}: the package is sha512-{digest}, VENDOR.toml says {package['integrity']}"]
    wrong = []
    with tarfile.open(archive) as members:
        for target, (source, sha256) in package["files"].items():
            member = members.extractfile(f"package/{source}")
            body = member.read() if member else b""
            found = hashlib.sha256(body).hexdigest()
            if found != sha256:
                wrong.append(f"{target}: sha256 is {found}, VENDOR.toml says {sha256}")
                continue
            (FOLDER / target).parent.mkdir(parents=True, exist_ok=True)
            (FOLDER / target).write_bytes(body)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
