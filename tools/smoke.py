"""
Try the installed distributions where nothing of a checkout is importable: serve, log, query, see the page.

Run by `nox -s wheels` as `python -I smoke.py`, with the Python of an environment that holds the wheels alone.
"""

import re
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import urljoin

COMMAND = Path(sys.prefix) / "bin" / "pylogtap"
PROGRAM = """
import logging, sys, structlog, pylogtap
pylogtap.init("smoke/wheels/one", url=sys.argv[1])
logging.getLogger("stdlib").warning("wheel works %d", 1)
structlog.configure([pylogtap.structlog_processor, structlog.processors.LogfmtRenderer()])
structlog.get_logger().info("wheel works 2", by="structlog")
pylogtap.get_logger("smoke/own/two").error("wheel works 3", by="our own")
assert pylogtap.flush(timeout_s=20), pylogtap.stats()
"""
LINKED = re.compile(r"""(?:src|href)="([^"#]+\.(?:js|css|svg|woff2)[^"]*)\"""")


def main() -> None:
    """Try everything once, and tell what was tried."""
    for name in ("pylogtap", "pylogtap-collector"):
        check_files(name)
    with tempfile.TemporaryDirectory() as folder, serving(folder) as url:
        subprocess.run([sys.executable, "-I", "-c", PROGRAM, url], check=True, timeout=60)
        found = ask("query", "wheel works", "--url", url, "--format", "json").splitlines()
        expect(len(found) == 3, f"3 records stored and found again, not {len(found)}: {found}")
        for page in ("/", "/docs"):
            check_page(url, page)
        expect('"openapi":"3.1' in read(url + "/openapi.json").replace(" ", ""), "OpenAPI 3.1")
        expect(bool(read(url + "/healthz")), "alive")
    print("smoke: the installed wheels serve, log, find again and show the page")


def check_files(name: str) -> None:
    """Every file that a distribution lists is there, and all of them in this environment."""
    files = distribution(name).files or []
    missing = [str(file) for file in files if not Path(str(file.locate())).exists()]
    expect(bool(files) and not missing, f"all files of {name} are there; missing: {missing}")
    strange = [
        str(file) for file in files if not Path(str(file.locate())).resolve().is_relative_to(sys.prefix)
    ]
    expect(not strange, f"{name} is installed in {sys.prefix}, not {strange[:3]}")


@contextmanager
def serving(folder: str) -> Iterator[str]:
    """Run `pylogtap serve` on a free port, and see it stop cleanly at the end."""
    command = [str(COMMAND), "serve", "--data", folder, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=folder) as server:
        try:
            assert server.stdout is not None
            first = server.stdout.readline()
            expect(" at http://" in first, f"serve tells its address: {first!r}")
            yield first.split(" at ")[1].strip()
        finally:
            server.send_signal(signal.SIGTERM)
            code = server.wait(timeout=30)
        expect(code == 0, f"serve stops with exit code 0, not {code}")


def check_page(url: str, page: str) -> None:
    """A page is served, and so is every file that it names."""
    linked = LINKED.findall(read(url + page))
    expect(len(linked) > 0, f"{page} names its scripts and styles")
    for link in linked:
        expect(link.startswith("/") or "://" not in link, f"{page} takes {link} from here")
        expect(bool(read(urljoin(url + page, link))), f"{link} is served")
    print(f"smoke: {page} and its {len(linked)} files are served")


def ask(*arguments: str) -> str:
    """Run the installed command line, and return what it prints."""
    command = [str(COMMAND), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def read(url: str) -> str:
    """Fetch something that must be there."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        body: bytes = answer.read()
    return body.decode(errors="replace")


def expect(met: bool, what: str) -> None:
    """End with an error that names what was not met."""
    if not met:
        sys.exit(f"smoke: expected: {what}")


if __name__ == "__main__":
    main()
