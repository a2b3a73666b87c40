import socket
import subprocess
import sys
import time
from pathlib import Path

import pylogtap.correlation
import pytest

pylogtap.correlation.instrument("requests")
HERE = Path(__file__).parent


def start(service, *behind):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, HERE / f"{service}.py", str(port), *behind]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    return process, f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def shop():
    stock, stock_url = start("stock")
    orders, orders_url = start("orders", stock_url)
    gateway, gateway_url = start("gateway", orders_url)
    yield gateway_url
    for process in (gateway, orders, stock):
        process.terminate()
        process.wait()
