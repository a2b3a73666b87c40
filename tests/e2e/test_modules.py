"""The page's pure functions, called in the browser with values of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.browser import LogsPage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from pylogtap_collector.proofs.daemon import CollectorProcess

pytestmark = pytest.mark.browser
CALL = """async ([module, name, args]) => {
  const main = document.querySelector("script[type=module]").src;
  const found = (await import(main.replace("main.js", module)))[name];
  return found(...args);
}"""
NOON = 1_800_000_000_000  # ms since the epoch: 2027-01-15T08:00:00Z


@pytest.fixture(scope="module")
def modules(browser: Browser, shop: CollectorProcess) -> Iterator[LogsPage]:
    """A page whose modules can be called."""
    logs = LogsPage(browser.new_page(timezone_id="Asia/Kolkata"), shop.url)
    logs.open()
    yield logs
    assert logs.faults == []
    logs.page.close()


def part(text: str, style: str = "", colour: str | None = None, ground: str | None = None) -> dict[str, Any]:
    """Return a stretch of terminal text of one look."""
    return {"text": text, "style": style, "colour": colour, "ground": ground}


ANSI: list[tuple[str, str, list[Any], Any]] = [
    ("ansi.js", "spans", ["plain"], [part("plain")]),
    ("ansi.js", "spans", ["\x1b[1;31mred\x1b[0m."], [part("red", "ansi-bold ansi-1"), part(".")]),
    ("ansi.js", "spans", ["\x1b[92mok\x1b[39m."], [part("ok", "ansi-2b"), part(".")]),
    ("ansi.js", "spans", ["\x1b[38;5;208mx"], [part("x", colour="rgb(255,135,0)")]),
    ("ansi.js", "spans", ["\x1b[48;2;1;2;999mx"], [part("x", ground="rgb(1,2,255)")]),
    ("ansi.js", "spans", ["\x1b[mx\x1b[7my\x1b[27mz"], [part("x"), part("y", "ansi-inverse"), part("z")]),
    ("ansi.js", "bare", ["a\x1b[2Kb\x1b]8;;http://x\x07c\x1b]0;t\x1b\\d"], "abcd"),
    ("ansi.js", "bare", ["cut \x1b["], "cut ^[["),
    ("ansi.js", "bare", ["\x00\r\x7f\x9b\u202e\u2066\ufeff"], "^@^M^?<U+009B><U+202E><U+2066><U+FEFF>"),
    ("ansi.js", "bare", ["tab\tline\nend \U0001f4a5 \u200d"], "tab\tline\nend \U0001f4a5 \u200d"),
    ("ansi.js", "bare", ["\x1b]" * 20_000], "^[]" * 20_000),
]
QUERY: list[tuple[str, str, list[Any], Any]] = [
    ("query.js", "quote", ["shop.pay/1-2@x"], "shop.pay/1-2@x"),
    ("query.js", "quote", ['two "words" \\'], r'"two \"words\" \\"'),
    ("query.js", "quote", ["or"], '"or"'),
    ("query.js", "quote", ["1..2"], '"1..2"'),
    ("query.js", "toggleFilter", ["", "level", "error"], "level:error"),
    ("query.js", "toggleFilter", ["paid level:error", "level", "info"], "paid level:error,info"),
    ("query.js", "toggleFilter", ["level:error,info x", "level", "error"], "level:info x"),
    ("query.js", "toggleFilter", ["level:error", "level", "error"], ""),
    ("query.js", "toggleFilter", ["level:error", "level", "error", {"exclude": True}], "-level:error"),
    ("query.js", "toggleFilter", ["a OR b", "level", "error"], "(a OR b) level:error"),
    ("query.js", "toggleFilter", ["NOT level:info", "level", "info"], "NOT level:info level:info"),
    ("query.js", "toggleFilter", ['"level:error x" y', "level", "info"], '"level:error x" y level:info'),
    ("query.js", "toggleFilter", ["path:/a b/ x", "level", "info"], "path:/a b/ x level:info"),
    (
        "query.js",
        "filtersOf",
        ['service:a,"b c" -service:d paid', "service"],
        {"included": ["a", "b c"], "excluded": ["d"]},
    ),
    ("query.js", "filtersOf", ["n:1..5", "n"], {"included": [], "excluded": []}),
    ("query.js", "withoutField", ["service:a paid -service:b", "service"], "paid"),
    ("query.js", "withoutField", ["service:a OR paid", "service"], "service:a OR paid"),
    ("query.js", "isField", ["user.id"], True),
    ("query.js", "isField", ["<b>"], False),
    ("query.js", "typedWord", ["lev", 3], {"start": 0, "end": 3, "field": None, "prefix": "lev"}),
    ("query.js", "typedWord", ["-level:er", 9], {"start": 7, "end": 9, "field": "level", "prefix": "er"}),
    (
        "query.js",
        "typedWord",
        ["level:error,wa", 14],
        {"start": 12, "end": 14, "field": "level", "prefix": "wa"},
    ),
    ("query.js", "typedWord", ['"in quotes', 10], None),
]
TEXT: list[tuple[str, str, list[Any], Any]] = [
    ("text.js", "clip", ["abc", 2], "ab"),
    ("text.js", "clip", ["a\U0001f4a5b", 2], "a"),
    ("text.js", "compact", [9_999], "9,999"),
    ("text.js", "compact", [123_456], "123k"),
    ("text.js", "compact", [1_234_567], "1.23M"),
    ("text.js", "counted", [1, "record"], "1 record"),
    ("text.js", "counted", [1200, "record"], "1,200 records"),
    ("text.js", "valueText", [{"a": [1, None]}], '{"a":[1,null]}'),
    ("download.js", "csvCell", ["=1+1"], "'=1+1"),
    ("download.js", "csvCell", ["-5"], "-5"),
    ("download.js", "csvCell", ['a,"b"'], '"a,""b"""'),
    ("levels.js", "classOf", [0], "unknown"),
    ("levels.js", "classOf", [17], "error"),
    ("levels.js", "classOf", [99], "critical"),
    ("levels.js", "shortLevel", ["fatality"], "FATALI"),
    ("api.js", "parseJson", ['{"a": 9007199254740993, "b": 1.5}'], {"a": "9007199254740993", "b": 1.5}),
]
TIMES: list[tuple[str, str, list[Any], Any]] = [
    ("times.js", "micros", ["2027-01-15T08:00:00.123456Z"], NOON * 1000 + 123_456),
    ("times.js", "micros", ["2027-01-15T09:00:00+01:00"], NOON * 1000),
    ("times.js", "shortTime", ["2027-01-15T08:00:00.1234Z", "utc", NOON], "08:00:00.123"),
    ("times.js", "shortTime", ["2027-01-15T08:00:00Z", "local", NOON], "13:30:00.000"),
    ("times.js", "shortTime", ["2026-12-31T08:00:00Z", "utc", NOON], "Dec 31 2026 08:00:00.000"),
    ("times.js", "fullTime", ["2027-01-15T08:00:00Z", "local"], "2027-01-15 13:30:00.000000 +05:30"),
    ("times.js", "fullTime", ["no time", "utc"], "no time"),
    ("times.js", "ago", ["2027-01-15T07:58:00Z", NOON], "2 min ago"),
    ("times.js", "span", [0.0005], "500 µs"),
    ("times.js", "span", [7200], "2 h"),
    ("times.js", "rangeText", ["1h", "", "utc", NOON], "Last hour"),
    (
        "times.js",
        "rangeText",
        ["2027-01-15T07:00:00Z", "2027-01-15T08:00:00Z", "utc", NOON],
        "07:00:00 – 08:00:00",  # noqa: RUF001  the dash of a range
    ),
    ("times.js", "inputValue", [NOON, "local"], "2027-01-15T13:30:00"),
    ("times.js", "fromInput", ["2027-01-15T13:30:00", "local"], "2027-01-15T08:00:00.000Z"),
    ("times.js", "fromInput", ["", "utc"], None),
    ("times.js", "lengthMs", ["15m"], 900_000),
    ("times.js", "lengthMs", ["all"], None),
    (
        "columns.js",
        "columns",
        [{"since": "1h", "until": ""}, 130, NOON + 7_000],
        {"since": "2027-01-15T07:00:00.000Z", "until": "2027-01-15T08:00:30.000Z", "buckets": 121},
    ),
    ("columns.js", "columns", [{"since": "all", "until": ""}, 130, NOON], {"buckets": 130}),
]


@pytest.mark.parametrize(("module", "name", "args", "expected"), [*ANSI, *QUERY, *TEXT, *TIMES])
def test_functions(modules: LogsPage, module: str, name: str, args: list[Any], expected: Any) -> None:
    """What a function answers, for usual and for odd values."""
    assert modules.page.evaluate(CALL, [module, name, args]) == expected


def test_events_are_read_however_they_are_cut(modules: LogsPage) -> None:
    """A stream of events is the same whether it comes in one piece or letter by letter."""
    stream = ": hello\r\n\r\nid: 7\r\ndata: one\r\ndata:two\r\n\r\nevent: end\ndata: 3\n\ndata: cut"
    read = """async ([pieces]) => {
      const main = document.querySelector("script[type=module]").src;
      const { eventReader } = await import(main.replace("main.js", "tail.js"));
      const events = [];
      const feed = eventReader((event) => events.push(event));
      for (const piece of pieces) feed(piece);
      return events;
    }"""
    expected = [
        {"name": "message", "data": "one\ntwo", "id": "7"},
        {"name": "end", "data": "3", "id": "7"},
    ]
    assert modules.page.evaluate(read, [[stream]]) == expected
    assert modules.page.evaluate(read, [list(stream)]) == expected
