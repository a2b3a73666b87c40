"""Where no engine can be reached, it is said why, and what to do, in words that need no search engine."""

from __future__ import annotations

import asyncio
import grp
import http.server
import os
import pwd
import shutil
import socket
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pylogtap_collector.containers.engine import Engine, EngineUnreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65534  # by custom
NAME, GROUP = pwd.getpwuid(NOBODY).pw_name, grp.getgrgid(1).gr_name
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become somebody else")


async def refusal(address: str) -> tuple[str, str]:
    """Return why an engine is not reached, and what to do."""
    with pytest.raises(EngineUnreachable) as raised:
        await Engine(address).connect()
    reason, _, advice = str(raised.value).partition("; ")
    return reason, advice


@contextmanager
def answering(status: int, body: bytes) -> Iterator[str]:
    """Run a web server that answers so, and return its host and port."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that everybody may enter, with a path that is short enough for sockets."""
    path = Path(tempfile.mkdtemp(prefix="pylogtap-knock-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@contextmanager
def listening(path: Path, mode: int, group: int) -> Iterator[None]:
    """Listen on a socket with these rights."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        path.chmod(mode)
        if os.geteuid() == 0:
            os.chown(path, 0, group)
        yield


def shut(folder: Path) -> None:
    """Let nobody but root into a folder."""
    folder.chmod(0o700)


@contextmanager
def nobody() -> Iterator[None]:
    """Have no rights for a while."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


async def test_nothing_is_there(tmp_path: Path) -> None:
    """The path is named, and how to name another one."""
    reason, advice = await refusal(f"unix://{tmp_path}/no.sock")
    assert reason == f"there is nothing at {tmp_path}/no.sock"
    assert "--docker" in advice


async def test_nobody_listens(folder: Path) -> None:
    """A socket whose engine has ended, and a port without one, are told as that."""
    with listening(folder / "old.sock", 0o600, 0):
        pass
    assert (await refusal(f"unix://{folder}/old.sock"))[0] == f"nobody listens at {folder}/old.sock"
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{closed.getsockname()[1]}"
        reason, advice = await refusal(f"tcp://{place}")
    assert reason == f"nobody listens at {place}"
    assert "start the engine" in advice


async def test_a_name_that_is_not_known() -> None:
    """A misspelt host is not taken for an engine that is down."""
    reason, _ = await refusal("tcp://nowhere.invalid:2375")
    assert reason == "the name of nowhere.invalid:2375 is not known"


@as_root
async def test_no_permission_for_a_socket_of_a_group(folder: Path) -> None:
    """The socket, its group, and the command for the collector's own user are named."""
    with listening(folder / "docker.sock", 0o660, 1), nobody():
        reason, advice = await refusal(f"unix://{folder}/docker.sock")
    assert (
        reason == f"user {NAME} may not use the socket {folder}/docker.sock, which is for the group {GROUP}"
    )
    assert advice.startswith(f"sudo usermod -aG {GROUP} {NAME}, then start the collector again")


@as_root
@pytest.mark.parametrize(("mode", "group"), [(0o600, 1), (0o660, 0)])
async def test_no_permission_for_a_socket_of_root(folder: Path, mode: int, group: int) -> None:
    """Nobody is told to join the group of root, or a group that has no rights either."""
    with listening(folder / "podman.sock", mode, group), nobody():
        reason, advice = await refusal(f"unix://{folder}/podman.sock")
    assert reason == f"user {NAME} may not use the socket {folder}/podman.sock"
    assert "usermod" not in advice
    assert "--docker unix:///run/user/" in advice


@as_root
async def test_no_permission_for_the_folder(folder: Path) -> None:
    """A folder that is closed hides the socket, and is named."""
    shut(folder)
    with listening(folder / "docker.sock", 0o660, 1), nobody():
        reason, _ = await refusal(f"unix://{folder}/docker.sock")
    assert reason == f"user {NAME} may not enter the folder of {folder}/docker.sock"


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b"{}"), (200, b"<html>hello</html>"), (200, b"[]"), (404, b"not found"), (401, b'{"code": 1}')],
)
async def test_a_server_that_is_no_engine(status: int, body: bytes) -> None:
    """Whatever speaks HTTP and is no engine is said to be none."""
    with answering(status, body) as place:
        reason, advice = await refusal(f"tcp://{place}")
    assert reason == f"what answers at tcp://{place} is no container engine"
    assert "--docker" in advice


async def test_an_engine_that_wants_tls() -> None:
    """Docker's answer to plain HTTP on its port for TLS is understood."""
    with answering(400, b"Client sent an HTTP request to an HTTPS server.\n") as place:
        reason, _ = await refusal(f"tcp://{place}")
    assert reason == f"tcp://{place} wants TLS, which is not spoken here"


async def test_a_server_of_another_protocol() -> None:
    """What does not speak HTTP is no engine either."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert (await refusal(f"tcp://{place}"))[0] == f"what answers at tcp://{place} is no container engine"


async def test_a_server_that_hangs_up() -> None:
    """Whoever takes the connection and says nothing may be an engine that ends just now."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert (await refusal(f"tcp://{place}"))[0] == f"tcp://{place} hung up at once"


async def test_another_scheme() -> None:
    """An address that cannot be used is told with those that can."""
    reason, advice = await refusal("ssh://root@example")
    assert reason == "ssh://root@example is no address of an engine that can be read"
    assert advice.startswith("write unix:///PATH or tcp://HOST:PORT")
