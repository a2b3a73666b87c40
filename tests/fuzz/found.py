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
    ("queries", b"message:/a\xabb?/"),
    ("answers", b"Mon, 01 Jan 0001 00:009999999999\n{}"),
    ("answers", b"Wed, 21 Oct 2026 07:2-19999999999999\n{}"),
    ("segments", b"\0PLTSEG"),
    ("pieces", b"\xe2\x82" * 7 + b"\x82" * 5),
    ("runners", b"    # Subtest:\nnot ok 1 {\n}\n"),
    ("reports", b'{"Action":"pass","Package":"a","Test":"\\ud800"}\n'),
    ("reports", b'<testsuite><properties><property name="go.version"/></properties><testcase/></testsuite>'),
    ("reports", b'{"results": {"tests": [{"name": "\\u001b[31m", "status": "passed"}]}}'),
)  # fmt: skip
GREW: tuple[tuple[str, bytes, bytes], ...] = (
    ("texts", b"", b"fatal error: x\n"),
    ("reports", b"<testsuite><testcase>", b'<a/><property name="a"/>'),
)
