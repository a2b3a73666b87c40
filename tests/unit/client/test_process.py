"""What a whole process does: capture of failures, exit, import, settings."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from pylogtap import settings
from pylogtap.errors import SettingsError
from pylogtap.prefix import Prefix, find_prefix, split_front
from pylogtap.shipper import deliver_orphans
from tests.support.receiver import Receiver, ReceiverTransport
from tests.support.spooled import DEAD_URL, Kept, _decoded

RESOURCE = "service.name=t,service.instance.id=i"
ROOT = Path(__file__).parents[3]


def run(tmp_path: Path, code: str, *, expect: int = 0, **environment: str) -> str:
    """Run a program with a spool of its own and no collector, and return its stderr."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={
            "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "PYLOGTAP_URL": DEAD_URL,
            "PYLOGTAP_SPOOL_DIR": str(tmp_path / "spool"), **environment,
        },
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == expect, done.stderr
    return done.stderr


def left_behind(tmp_path: Path) -> tuple[list[Kept], list[str]]:
    """Deliver what the program left, and return its records and the stacks of fatal signals."""
    import msgpack

    receiver, faults = Receiver(), []  # type: ignore[var-annotated]
    for directory in (tmp_path / "spool").iterdir():
        deliver_orphans(str(directory), frozenset(), ReceiverTransport(receiver), faults.append)
    unpacked: list[list[Any]] = [msgpack.unpackb(each, strict_map_key=False) for each in receiver.payloads]
    return _decoded(unpacked), faults


def test_everything_that_goes_wrong(tmp_path: Path) -> None:
    """Uncaught exceptions of main, threads and tasks, unraisable errors and warnings become records."""
    stderr = run(
        tmp_path,
        """
        import asyncio, gc, threading, warnings, pylogtap
        pylogtap.init("shop/job/j-1")

        class Bad:
            def __del__(self):
                raise ValueError("in finalizer")

        async def main():
            task = asyncio.create_task(fail())
            await asyncio.sleep(0.01)
            del task
            gc.collect()

        async def fail():
            raise LookupError("in task")

        def work():
            raise OSError("in thread")

        thread = threading.Thread(target=work, name="worker"); thread.start(); thread.join()
        Bad()
        asyncio.run(main())
        warnings.warn("careful")
        raise RuntimeError("in main")
        """,
        expect=1,
    )

    records, _ = left_behind(tmp_path)
    found = {each.more["x"]["message"]: (each.logger, each.level) for each in records if "x" in each.more}
    assert found == {
        "in thread": ("pylogtap.uncaught", "error"),
        "in finalizer": ("pylogtap.uncaught", "error"),
        "in task": ("asyncio", "error"),
        "in main": ("pylogtap.uncaught", "critical"),
    }
    assert [(each.message, each.fields) for each in records if each.logger == "py.warnings"] == [
        ("careful", {"category": "UserWarning"})
    ]
    for text in ("in thread", "in finalizer", "careful", "in main"):
        assert text in stderr  # nothing that Python shows is hidden


def test_fatal_signal(tmp_path: Path) -> None:
    """The stack at a segmentation fault reaches the collector with the next delivery."""
    run(
        tmp_path,
        """
        import ctypes, pylogtap
        pylogtap.init("shop/job/j-1")
        def crash():
            ctypes.string_at(0)
        crash()
        """,
        expect=-11,
    )

    _, faults = left_behind(tmp_path)
    assert len(faults) == 1
    assert faults[0].startswith("shop/job/j-1 ")
    assert "Segmentation fault" in faults[0]
    assert "in crash" in faults[0]


def test_orderly_end_with_a_dead_sink(tmp_path: Path) -> None:
    """The end of a process is not held up by a dead collector, and the lines are safe."""
    started = time.monotonic()
    run(tmp_path, 'import pylogtap; pylogtap.get_logger("a/b/c").info("last words")')

    assert time.monotonic() - started < 30
    records, faults = left_behind(tmp_path)
    assert [each.message for each in records] == ["last words"]
    assert faults == []


def test_killed(tmp_path: Path) -> None:
    """What a call returned from survives a SIGKILL right behind it."""
    run(
        tmp_path,
        """
        import os, pylogtap
        log = pylogtap.get_logger("a/b/c")
        for number in range(20000):
            log.info("event", n=number)
        os.kill(os.getpid(), 9)
        """,
        expect=-9,
    )

    records, _ = left_behind(tmp_path)
    assert [each.fields["n"] for each in records] == list(range(20000))


def test_import_is_light(tmp_path: Path) -> None:
    """Importing loads nothing; using it loads the standard library and msgpack, and zstd if it is there."""
    run(
        tmp_path,
        """
        import sys
        before = set(sys.modules)
        import pylogtap
        assert set(sys.modules) - before == {"pylogtap"}, set(sys.modules) - before
        import logging
        pylogtap.init("a/b/c", url="http://127.0.0.1:9")
        logging.getLogger("x").info("hello")
        pylogtap.get_logger().info("hello")
        pylogtap.flush(0.3)
        roots = {name.partition(".")[0] for name in set(sys.modules) - before}
        foreign = {name for name in roots - sys.stdlib_module_names if not name.startswith("_")}
        assert foreign <= {"pylogtap", "msgpack", "zstandard", "cython_runtime"}, foreign
        """,
    )


def test_console_off_a_terminal(tmp_path: Path) -> None:
    """Off a terminal warnings still reach stderr, as without any handler; on request everything does."""
    code = """
        import logging, pylogtap
        pylogtap.init("a/b/c")
        logging.getLogger("x").info("quiet %s", 1)
        logging.getLogger("x").warning("loud\\nforged", extra={"password": "p", "n": 1})
        """

    quiet = run(tmp_path, code)
    shown = run(tmp_path, code, PYLOGTAP_CONSOLE="1")

    assert "quiet" not in quiet
    assert "loud\\nforged" in quiet
    assert "password=[redacted]" in quiet
    assert "quiet 1" in shown


@pytest.mark.parametrize(
    ("given", "environment", "expected"),
    [
        ("a/b/c", {"OTEL_SERVICE_NAME": "x"}, "a/b/c"),
        ("a", {"OTEL_SERVICE_NAME": "x", "PYLOGTAP_INSTANCE": "i-1"}, "a/x/i-1"),
        (None, {"PYLOGTAP_PROJECT": "p", "PYLOGTAP_SERVICE": "s", "PYLOGTAP_INSTANCE": "i"}, "p/s/i"),
        (None, {"OTEL_RESOURCE_ATTRIBUTES": f"service.namespace=p%20q,{RESOURCE}"}, "p-q/t/i"),
        (None, {"OTEL_SERVICE_NAME": "s", "OTEL_RESOURCE_ATTRIBUTES": RESOURCE}, "default/s/i"),
    ],
)  # fmt: skip
def test_prefix_sources(given: str | None, environment: dict[str, str], expected: str) -> None:
    """The prefix comes from what is given, then our variables, then OpenTelemetry's, then defaults."""
    assert str(find_prefix(given, environment)) == expected


def test_prefix_forms() -> None:
    """The prefix has its forms as text in front of a line, as a tag and as a resource."""
    prefix = Prefix("shop", "cart", "c-1")

    assert split_front("[shop/cart/c-1] hello") == (prefix, "hello")
    assert split_front("[not a prefix] hello") == (None, "[not a prefix] hello")
    assert prefix.tag == "shop.cart.c-1"
    assert Prefix.parse(str(prefix)) == prefix
    assert prefix.resource["service.namespace"] == "shop"


def test_settings_precedence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Argument, then what `init` was given, then environment, then pyproject.toml, then default."""
    monkeypatch.delenv("PYLOGTAP_URL")
    (tmp_path / "pyproject.toml").write_text('[tool.pylogtap]\nurl = "http://file"\nspool-max-bytes = "2M"\n')
    assert settings.load().url == "http://file"
    assert settings.load().spool_max_bytes == 2 << 20
    monkeypatch.setenv("PYLOGTAP_URL", "http://environment/")
    assert settings.load().url == "http://environment"
    settings.remember(url="http://init")
    assert settings.load().url == "http://init"
    assert settings.load(url="http://argument").url == "http://argument"


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("LEVEL", "LOUD", "DEBUG"), ("SPOOL_MAX_BYTES", "5", "1 MiB"), ("DISABLED", "perhaps", "1 or 0"),
        ("URL", "ftp://x", "http://"), ("FLUSH_INTERVAL_S", "-1", "between"), ("CONSOLE", "maybe", "1 or 0"),
    ],
)  # fmt: skip
def test_settings_mistakes(monkeypatch: pytest.MonkeyPatch, name: str, value: str, hint: str) -> None:
    """A value that cannot be is refused with its origin and what would be right."""
    monkeypatch.setenv(f"PYLOGTAP_{name}", value)

    with pytest.raises(SettingsError, match=hint) as told:
        settings.load()

    assert f"PYLOGTAP_{name}" in str(told.value)
