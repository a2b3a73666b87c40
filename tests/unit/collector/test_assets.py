"""The files that pages load: what others made is what was pinned; nothing else is served."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

import pylogtap_collector.web
from pylogtap_collector.web.assets import Assets
from tests.support.api import Caller, calling

STATIC = Path(pylogtap_collector.web.__file__).parent / "static"
VENDOR = STATIC / "vendor"


def pinned() -> dict[str, str]:
    """Return the hash that VENDOR.toml gives for each file."""
    packages = tomllib.loads((VENDOR / "VENDOR.toml").read_text())["package"]
    return {name: sha256 for package in packages for name, (_, sha256) in package["files"].items()}


@pytest.mark.parametrize("name", sorted(pinned()))
def test_vendored_files_are_those_that_were_pinned(name: str) -> None:
    """A file of another project has not been touched."""
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == pinned()[name]


def test_every_vendored_file_is_pinned() -> None:
    """Nothing of others lies around without origin and licence."""
    found = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert found - {"VENDOR.toml"} == set(pinned())
    for package in tomllib.loads((VENDOR / "VENDOR.toml").read_text())["package"]:
        assert package["licence"]
        assert any("LICENSE" in name for name in package["files"])


def test_every_module_is_used() -> None:
    """Each module is imported by another one, or loaded by a page."""
    app = STATIC / "app"
    texts = [path.read_text() for path in (*app.rglob("*.js"), *(STATIC.parent / "templates").iterdir())]
    for module in app.glob("*.js"):
        if module.name != "types.js":  # for editors alone
            named = (f"/{module.name}", f', "{module.stem}" %}}')
            assert any(name in text for text in texts for name in named), module.name


async def fetch(call: Caller) -> tuple[str, Assets]:
    """Return the address under which files are served, and the files."""
    page = (await call("GET", "/")).body.decode()
    found = re.search(r'"(/static/[0-9a-f]+)/', page)
    assert found is not None
    return found[1], Assets(STATIC)


async def test_files_are_served_under_an_address_of_their_content() -> None:
    """The address names the content, so a browser may keep a file for ever."""
    async with calling() as call:
        root, assets = await fetch(call)
        assert root == f"/static/{assets.digest}"
        reply = await call("GET", f"{root}/app/main.js", headers={"Accept-Encoding": "identity"})
        assert reply.body == (STATIC / "app" / "main.js").read_bytes()
        assert "immutable" in reply.headers["Cache-Control"]
        assert reply.headers["Content-Type"].startswith("text/javascript")
        assert (await call("GET", "/static/0000000000000000/app/main.js")).status == 404


async def test_files_travel_compressed() -> None:
    """Text is sent compressed to those who can read it."""
    async with calling() as call:
        root, _ = await fetch(call)
        url = f"{root}/vendor/swagger-ui/swagger-ui-bundle.js"
        reply = await call("GET", url, headers={"Accept-Encoding": "gzip"})
    assert reply.headers["Content-Encoding"] == "gzip"
    assert int(reply.headers["Content-Length"]) < len(reply.body) / 2
    assert reply.body == (VENDOR / "swagger-ui" / "swagger-ui-bundle.js").read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "../pages.py",
        "..%2fpages.py",
        "app/../../pages.py",
        "%2e%2e/pages.py",
        "/etc/passwd",
        "app",
        "app/",
        "",
    ],
)
async def test_no_path_leads_out(name: str) -> None:
    """What is not one of the files is not there, however it is written."""
    async with calling() as call:
        root, _ = await fetch(call)
        assert (await call("GET", f"{root}/{name}")).status == 404
