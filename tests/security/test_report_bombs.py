"""Reports that are made to break or to spy: they are refused, cost little, and open no file."""

from __future__ import annotations

import tracemalloc
from io import BytesIO
from typing import TYPE_CHECKING

import cramjam
import pytest

from pylogtap_collector.errors import Invalid
from pylogtap_collector.reports.reading import read

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.api import Caller

PATH = "/api/v1/tests/import"
NOW = 1_795_200_000 * 10**9
MOST_BYTES = 48 << 20
_LAUGHS = "".join(f'<!ENTITY l{at} "{f"&l{at - 1};" * 10}">' for at in range(1, 12))
CASE = '<testsuite><testcase name="a"/>{}</testsuite>'
DEEP = 200_000
_LINE_END = "\n"
_ATTRIBUTES = " ".join(f"a{at}=''" for at in range(100_000))
REFUSED = {
    "billion-laughs": f'<!DOCTYPE t [<!ENTITY l0 "ha">{_LAUGHS}]><testsuite>&l11;</testsuite>',
    "quadratic": f'<!DOCTYPE t [<!ENTITY a "{"a" * 50_000}">]><testsuite>{"&a;" * 50_000}</testsuite>',
    "a-file": '<!DOCTYPE t [<!ENTITY f SYSTEM "file://{}">]><testsuite><testcase name="&f;"/></testsuite>',
    "a-file-as-parameter": '<!DOCTYPE t [<!ENTITY % f SYSTEM "file://{}"> %f;]><testsuite/>',
    "a-document-type-elsewhere": '<!DOCTYPE testsuite SYSTEM "file://{}"><testsuite/>',
    "an-address": '<!DOCTYPE t [<!ENTITY f SYSTEM "http://127.0.0.1:1/">]><testsuite>&f;</testsuite>',
    "a-plain-document-type": "<!DOCTYPE testsuite><testsuite/>",
    "an-unknown-entity": "<testsuite>&nothing;</testsuite>",
    "deep": "<testsuite>" * DEEP,
    "deep-within-a-case": f"<testsuite><testcase name='a'>{'<failure>' * DEEP}",
    "an-unknown-encoding": '<?xml version="1.0" encoding="rot13"?><testsuite/>',
    "an-encoding-of-many-bytes": '<?xml version="1.0" encoding="utf-7"?><testsuite/>',
    "a-codec-that-is-none": '<?xml version="1.0" encoding="zlib"?><testsuite/>',
    "deep-json": '{"results": ' + "[" * DEEP,
    "deep-json-that-ends": '{"results": ' + "[" * DEEP + "]" * DEEP + "}",
    "a-huge-number": '{"results": ' + "9" * 100_000 + "}",
    "xslt": "<xsl:stylesheet/>",
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_refused(tmp_path: Path, name: str) -> None:
    """What no runner writes is refused, with words that name the line, and without a look at other files."""
    secret = tmp_path / "secret"
    secret.write_text("<testcase name='the secret'/>")
    body = REFUSED[name].replace("{}", str(secret)).encode()
    tracemalloc.start()
    try:
        with pytest.raises(Invalid) as refused:
            read(body, NOW)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
    assert "the secret" not in refused.value.detail
    assert len(refused.value.detail) < 500


def test_an_include_is_no_include(tmp_path: Path) -> None:
    """Elements of XInclude are elements that nobody knows: no file is opened."""
    secret = tmp_path / "secret"
    secret.write_text("the secret")
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" parse="text" href="{secret}"/>'
    body = f'<testsuite><testcase name="a"><failure>{include}</failure></testcase></testsuite>'
    run = read(body.encode(), NOW)
    assert "the secret" not in str(run)
    assert [case["outcome"] for case in run.cases] == ["failed"]


@pytest.mark.parametrize(
    "body",
    [
        CASE.format(f'<testcase name="{"n" * 5_000_000}"/>'),
        CASE.format(f'<testcase name="b"><failure message="m">{"E  x" * 2_000_000}</failure></testcase>'),
        CASE.format(f'<testcase name="b"><failure>{_LINE_END * 3_000_000}</failure></testcase>'),
        CASE.format(f'<testcase name="b"><failure>{" at (" * 1_000_000}</failure></testcase>'),
        CASE.format(f'<testcase name="b" {_ATTRIBUTES}/>'),
        CASE.format("<testsuite name='s'>" * 50 + "</testsuite>" * 50),
        '{"results": {"tests": [{"name": "a", "status": "failed", "duration": 1, "trace": "%s"}]}}'
        % ("Error: " * 500_000),
    ],
    ids=["name", "trace", "lines", "places", "attributes", "suites", "ctrf"],
)
def test_long_texts_are_shortened(body: str) -> None:
    """What is too long is cut; time and memory stay in proportion to the report."""
    run = read(body.encode(), NOW)
    assert run.cases
    assert max(len(str(case)) for case in run.cases) < 200_000


async def test_over_http(call: Caller) -> None:
    """The same by the API: 422 for bombs, 413 for what grows beyond the limit once it is decompressed."""
    params = {"project": "shop", "service": "checkout"}
    xml = {"Content-Type": "application/xml"}
    for name in ("billion-laughs", "a-file", "deep", "deep-json"):
        reply = await call(
            "POST", "/api/v1/tests/import", params=params, data=BytesIO(REFUSED[name].encode()), headers=xml
        )
        assert reply.status == 422, name
    packed = bytes(cramjam.gzip.compress(b"<testsuite>" + b" " * (70 << 20)))
    headers = {**xml, "Content-Encoding": "gzip"}
    reply = await call("POST", PATH, params=params, data=BytesIO(packed), headers=headers)
    assert reply.status == 413
