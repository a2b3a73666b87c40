"""Inputs that broke a reader once, by its name; and beginnings and units that took ever longer."""

from __future__ import annotations

BROKE: tuple[tuple[str, bytes], ...] = (
    ("settings", b"[tool.pylogtap]\nspool_max_bytes = inf\n"),
    ("settings", b"[tool.pylogtap]\nspool_max_bytes = '1e999'\n"),
    ("settings", b"[tool.pylogtap]\nspool_dir = '~nobody-of-this-name/x'\n"),
    ("settings", b"tool = 3  # tool.pylogtap\n"),
    ("settings", b"[tool]\npylogtap = 5  # tool.pylogtap\n"),
    ("settings", b"a = " + b"[" * 5_000 + b"  # tool.pylogtap\n"),
    ("syslog-stream", b"<1>a" + b"\n" * 2_000),
    ("syslog-stream", b'{"short_message":"x","host":"h","_file":"a","_line":1e300}\n'),
    ("syslog-stream", b'{"short_message":"x","host":"h","_file":"a","_line":-1}\n'),
    ("sentry-event", b'{"message": {"message": "%99999999d", "params": [1]}}'),
    ("sentry-event", b'{"message": {"message": "%.99999999f", "params": [1]}}'),
    ("engine", b'{"Type":"container","Action":"die","Actor":{"ID":"a","Attributes":{"exitCode":"--5"}}}'),
    ("engine", b'{"Type":"container","Action":"die","Actor":{"ID":"a"},"timeNano":1e999}'),
    ("engine", b'{"Type":"container","Action":"die","Actor":{"ID":"a"},"timeNano":1e30}'),
    ("engine", b'["stdout",{"stdout":["x",1e999]},{},null,0]'),
    ("engine", b'["stdout",{"stdout":["2026-01-02T03:04:05.678901234Z",1]},{},"5",0]'),
    ("engine", b"9999-12-31T23:59:59.5Z"),
    ("container-logs", b"\1\0\0\0\0\0\0\x17" + b"9999-12-31T23:59:59Z a\n"),
    ("container-logs", b"\1\0\0\0\0\0\0\x17" + b"1900-01-01T00:00:00Z a\n"),
    ("codings", bytes(range(256)) * 4),
)
GREW: tuple[tuple[str, bytes, bytes], ...] = (
    ("texts", b"", b"fatal error: x\n"),
    ("syslog-stream", b"", b"a\n"),
    ("datagrams", b"", b"a\n"),
    ("reports", b"<testsuite><testcase>" + b"<a/>" * 2_000 + b"<properties>", b'<property name="a"/>'),
    ("payloads", b"\x9c\0\x03\x01\x01\xa0\x09\xa0\xda\xff\xff", b"%("),
)  # fmt: skip
