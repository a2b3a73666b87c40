"""
Make the two small images of the tests out of what the machine has, without a registry.

`pylogtap-test/base:1` is a static busybox; `pylogtap-test/python:1` has the machine's own Python on top.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import docker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BASE = "pylogtap-test/base:1"
PYTHON = "pylogtap-test/python:1"
_FOLDERS = ("bin", "dev", "etc", "home", "proc", "root", "sys", "usr/bin", "usr/lib", "var/run", "www", "tmp")
_ACCOUNTS = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": b"root:x:0:\nnogroup:x:65534:\n",
}
_LEFT_OUT = {"__pycache__", "test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3"}
_LIBRARY = re.compile(r"^\t.*?(/\S+\.so\S*)", re.MULTILINE)  # a line of ldd; that of a file's name has no tab
_LATE = (
    "libnss_files.so.2",
    "libnss_dns.so.2",
    "libresolv.so.2",
    "libgcc_s.so.1",
)  # opened when they are needed


class NoImage(Exception):
    """An image cannot be made here; the text says what is missing."""


def make_images(address: str, *, anew: bool = False) -> list[str]:
    """
    Make those of the images that the engine does not have.

    Args:
        address: Of the engine.
        anew: Make those as well that it has.

    Returns:
        The tags that were made.

    Raises:
        NoImage: A program that goes into one is missing.
    """
    client = docker.APIClient(address, timeout=120)
    try:
        known = {tag for image in client.images() for tag in image.get("RepoTags") or ()}
        makers: dict[str, tuple[Callable[[], bytes], list[str]]] = {
            BASE: (_base, ["/bin/sh"]),
            PYTHON: (_python, ["python3"]),
        }
        made = [tag for tag in makers if anew or tag not in known]
        for tag in made:
            content, command = makers[tag][0](), makers[tag][1]
            changes = ["ENV PATH=/usr/local/bin:/usr/bin:/bin", "ENV PYTHONUNBUFFERED=1"]
            changes.append(f"CMD {json.dumps(command)}")
            repository, _, version = tag.partition(":")
            client.import_image_from_data(content, repository=repository, tag=version, changes=changes)
        return made
    finally:
        client.close()


def _base() -> bytes:
    return _packed(None)


def _python() -> bytes:
    return _packed(_add_python)


def _packed(add: Callable[[tarfile.TarFile], None] | None) -> bytes:
    """Return an archive of busybox with its names, and what `add` puts there."""
    busybox = _static_busybox()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for folder in _FOLDERS:
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            archive.addfile(entry)
        for name, content in _ACCOUNTS.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        archive.add(busybox, "bin/busybox", filter=_of_root)
        applets = subprocess.run([busybox, "--list"], check=True, capture_output=True, text=True).stdout
        for applet in applets.split():
            if applet != "busybox":
                _link(archive, f"bin/{applet}", "busybox")
        if add is not None:
            add(archive)
    return packed.getvalue()


def _static_busybox() -> str:
    busybox = shutil.which("busybox")
    if busybox is None:
        raise NoImage("busybox is missing; install a static one (Debian: busybox-static)")
    if re.search(rb"\.so\.\d", _linked_to([busybox])):
        raise NoImage(f"{busybox} is not static; install busybox-static")
    return busybox


def _add_python(archive: tarfile.TarFile) -> None:
    """Add the machine's Python, its library without tests, and each shared library that either asks for."""
    program = Path("/usr/bin/python3").resolve()
    library = Path("/usr/lib") / program.name
    if not program.exists() or not library.is_dir():
        raise NoImage(f"{program} or {library} is missing; install python3 of the system")
    archive.add(program, f"usr/bin/{program.name}", filter=_of_root)
    _link(archive, "usr/bin/python3", program.name)
    _link(archive, "usr/bin/python", "python3")
    archive.add(library, str(library)[1:], filter=_wanted)
    found = set(_LIBRARY.findall(_linked_to([program, *library.rglob("*.so")]).decode()))
    found |= {str(path) for name in _LATE for path in Path("/lib").glob(f"*-linux-gnu*/{name}")}
    for path in sorted(found):
        archive.add(Path(path).resolve(), path[1:], filter=_of_root)


def _linked_to(programs: Iterable[str | Path]) -> bytes:
    return subprocess.run(["ldd", *map(str, programs)], check=False, capture_output=True).stdout


def _wanted(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = set(Path(entry.name).parts)
    if parts & _LEFT_OUT or any(part.startswith("config-") for part in parts):
        return None
    return _of_root(entry)


def _of_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _link(archive: tarfile.TarFile, name: str, target: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    archive.addfile(entry)
