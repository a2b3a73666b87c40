"""Lines of web servers in the common and the combined log format of Apache and nginx."""

from __future__ import annotations

import re
from typing import Any

from pylogtap.text.levels import Level, level_named
from pylogtap.text.times import find_time

_QUOTED = r'"(?P<{}>[^"\\]*(?:\\.[^"\\]*)*)"'
# Source: Apache HTTP Server, mod_log_config, "Common Log Format" and "NCSA extended/combined log format".
_ACCESS = re.compile(
    r"(?P<client>\S{1,255}) \S{1,64} (?P<user>\S{1,255}) \[(?P<time>[^\]]{1,40})\] "
    + _QUOTED.format("request")
    + r" (?P<status>[0-9]{3}) (?P<size>[0-9]{1,18}|-)"
    + rf"(?: {_QUOTED.format('referer')} {_QUOTED.format('agent')})?(?P<rest>.*)",
    re.DOTALL,
)
_SERVER_ERROR, _CLIENT_ERROR = 500, 400

Access = tuple[str, int, Level | None, None, dict[str, Any]]


def read_access(text: str, now: int) -> Access | None:
    """
    Read a line of an access log.

    Args:
        text: The line.
        now: The present, ns since the epoch.

    Returns:
        Message, time in ns since the epoch, level by the status, no logger, fields; None: it is no such line.
    """
    match = _ACCESS.match(text)
    moment = match and find_time(match["time"], 0, now)
    if not match or not moment:
        return None
    status = int(match["status"])
    fields: dict[str, Any] = {"client": match["client"], "status": status}
    for name in ("user", "referer", "agent"):
        if match[name] not in {None, "-", ""}:
            fields[name] = match[name]
    if match["size"] != "-":
        fields["size"] = int(match["size"])
    method, _, target = match["request"].partition(" ")
    if target:
        path, _, protocol = target.rpartition(" ")
        fields |= {"method": method, "path": path or target, "protocol": protocol if path else ""}
    name = "error" if status >= _SERVER_ERROR else "warning" if status >= _CLIENT_ERROR else "info"
    return f"{match['request']} {status}{match['rest']}", moment.ns, level_named(name), None, fields
