"""Where log drivers deliver to, and what becomes of a log that is delivered to this very collector."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pylogtap_collector.containers.drivers import delivers_here, read_log_address
from pylogtap_collector.containers.engine import Engine
from pylogtap_collector.containers.model import is_prefix, place_of_container, read_container
from pylogtap_collector.containers.roster import Roster
from pylogtap_collector.wire import Place
from tests.support.container_sink import DurableSink, until
from tests.support.readings import container

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA = Path(__file__).parents[2] / "data" / "containers"
UNIX = "unix:///var/run/docker.sock"
COMPOSE = {
    "com.docker.compose.project": "mall",
    "com.docker.compose.service": "web",
    "com.docker.compose.container-number": "2",
}


@pytest.mark.parametrize(
    ("driver", "options", "address"),
    [
        ("json-file", {"max-size": "10m"}, ""),
        ("fluentd", {}, "127.0.0.1:24224"),
        ("fluentd", {"fluentd-address": "localhost"}, "localhost:24224"),
        ("fluentd", {"fluentd-address": ":24225"}, "127.0.0.1:24225"),
        ("fluentd", {"fluentd-address": "tcp://10.0.0.5:24224"}, "10.0.0.5:24224"),
        ("fluentd", {"fluentd-address": "tls://[::1]:24224"}, "[::1]:24224"),
        ("fluentd", {"fluentd-address": "unix:///var/run/fluent.sock"}, ""),
        ("gelf", {"gelf-address": "udp://127.0.0.1:5514"}, "127.0.0.1:5514"),
        ("gelf", {}, ""),
        ("syslog", {"syslog-address": "tcp+tls://logs.example"}, "logs.example:514"),
        ("syslog", {"syslog-address": "udp://127.0.0.1:5514"}, "127.0.0.1:5514"),
        ("syslog", {"syslog-address": "unixgram:///dev/log"}, ""),
        ("syslog", {}, ""),
        ("syslog", {"syslog-address": "tcp://host:no"}, ""),
    ],
)
def test_where_a_driver_delivers_to(driver: str, options: Mapping[str, str], address: str) -> None:
    """An address is read as the drivers read it; local sockets and files are none."""
    assert read_log_address(driver, options) == address


@pytest.mark.parametrize(
    ("address", "engine", "here"),
    [
        ("127.0.0.1:24224", UNIX, True),
        ("127.8.0.1:5514", UNIX, True),
        ("localhost:24224", UNIX, True),
        ("[::1]:24224", UNIX, True),
        ("host.docker.internal:24224", UNIX, True),
        ("0.0.0.0:24224", UNIX, True),
        (f"{socket.gethostname().lower()}:24224", UNIX, True),
        ("127.0.0.1:24225", UNIX, False),
        ("192.0.2.7:24224", UNIX, False),
        ("logs.example:24224", UNIX, False),
        ("", UNIX, False),
        ("127.0.0.1:24224", "tcp://localhost:2375", True),
        ("127.0.0.1:24224", "tcp://127.0.0.1:2375", True),
        ("127.0.0.1:24224", "tcp://192.0.2.7:2375", False),
    ],
)
def test_what_is_delivered_here(address: str, engine: str, here: bool) -> None:
    """The port is one of ours, on this machine; loopback is that of the engine's machine."""
    assert delivers_here(address, frozenset({24224, 5514}), engine) is here
    assert not delivers_here(address, frozenset(), engine)


def test_the_address_is_read_from_the_engine() -> None:
    """What `inspect` says of the log driver's options is known of the container."""
    raw: dict[str, Any] = json.loads((DATA / "docker-20.10-cgroupv1-inspect-running.json").read_text())
    assert read_container(raw).log_address == ""
    raw["HostConfig"]["LogConfig"] = {"Type": "fluentd", "Config": {"tag": "x"}}
    assert read_container(raw).log_address == "127.0.0.1:24224"
    raw["HostConfig"]["LogConfig"] = {"Type": "fluentd", "Config": None}
    assert read_container(raw).log_address == "127.0.0.1:24224"


async def test_a_delivered_log_is_not_read(caplog: pytest.LogCaptureFixture) -> None:
    """The engine, which is not even connected, is not asked; that is said once, until the container goes."""
    caplog.set_level(logging.INFO, "pylogtap.collector")
    sink = DurableSink()
    sink.known[f"docker/log/{container().id}"] = "of a time when the port was closed"
    roster = Roster(Engine(UNIX), sink, own_ports=frozenset({24224}))
    for _ in range(2):
        roster.follow(container(log_driver="fluentd", log_address="127.0.0.1:24224"))
        await asyncio.sleep(0)
        assert [(each.log, each.error) for each in roster.followed({})] == [("delivered", "")]
        await roster.close()
    roster.follow(container(log_driver="fluentd", log_address="127.0.0.1:24224"))
    roster.end(container().id)
    await until(lambda: not sink.known)
    assert roster.followed({}) == []
    await roster.close()
    (message,) = [each.message for each in caplog.records]
    assert message == (
        "the log of container shop-web-1 comes by its log driver fluentd, to 127.0.0.1:24224, and so is not "
        "read as well"
    )


async def test_a_log_that_is_delivered_elsewhere_is_read() -> None:
    """Where it goes to another port, the log is read: nobody else brings it here."""
    roster = Roster(Engine(UNIX), DurableSink(), own_ports=frozenset({5514}))
    roster.follow(container(log_driver="fluentd", log_address="127.0.0.1:24224"))
    await until(lambda: roster.followed({})[0].log == "failed")  # not connected
    await roster.close()


@pytest.mark.parametrize(
    ("labels", "place"),
    [
        ({}, Place("docker", "box", "box")),
        (COMPOSE, Place("mall", "web", "web-2")),
        ({**COMPOSE, "com.docker.compose.oneoff": "True"}, Place("mall", "web", "box")),
        ({"pylogtap.prefix": "shop/front"}, Place("shop", "front", "box")),
        ({**COMPOSE, "pylogtap.prefix": "shop/front"}, Place("shop", "front", "web-2")),
        ({**COMPOSE, "pylogtap.prefix": "shop/front/a"}, Place("shop", "front", "a")),
        (
            {**COMPOSE, "com.docker.compose.oneoff": "True", "pylogtap.prefix": "shop/front"},
            Place("shop", "front", "box"),
        ),
        ({"pylogtap.prefix": "a b//c/d/e"}, Place("a-b", "box", "c-d-e")),
    ],
)
def test_where_containers_stand(labels: Mapping[str, str], place: Place) -> None:
    """A label counts before compose; compose's number tells instances apart under both."""
    assert place_of_container("box", labels) == place


@pytest.mark.parametrize(
    ("label", "good"),
    [
        ("shop/web", True),
        ("shop/web/web-1", True),
        ("Shop_1/a.b", True),
        ("shop", False),
        ("a b//c/d/e", False),
        ("shop/web/", False),
        ("shop/-web", False),
        ("shop/wéb", False),
        (f"shop/{'a' * 63}", True),
        (f"shop/{'a' * 64}", False),
    ],
)
def test_what_a_prefix_is(label: str, good: bool) -> None:
    """A prefix has two parts or three, and is kept as it is."""
    assert is_prefix(label) is good


async def test_a_label_that_is_no_prefix_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """Once for each container: what it became, and what a prefix looks like."""
    label = "a b//c/d/e"
    place = place_of_container("shop-web-1", {"pylogtap.prefix": label})
    roster = Roster(Engine(UNIX), DurableSink())
    for _ in range(2):
        roster.follow(container(labels={"pylogtap.prefix": label}, place=place))
        roster.follow(container(labels={"pylogtap.prefix": label}, place=place))
        await roster.close()
    roster.follow(container(id="1" * 64, labels={"pylogtap.prefix": "shop/web"}))
    await roster.close()
    (warning,) = [each.message for each in caplog.records if each.levelno == logging.WARNING]
    assert "shop-web-1 has the label pylogtap.prefix='a b//c/d/e', which is no prefix" in warning
    assert "stand under a-b/shop-web-1/c-d-e." in warning
    assert "project/service/instance" in warning
