"""
Records for bench_store.py, as JSON lines for its peers and as slices for the collector.

``generated``: twelve services replay the 2,000 lines of loghub's samples each, over and over; what varies in
a line is drawn anew, with addresses and ids that come up again as real ones do, bursts, a daily wave, and ten
records a million with a word that stands nowhere else. ``natural``: lines as they are, in their order.

::

    python -m benchmarks.store_data FOLDER RECORDS [--lines FILE ...]
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.store_slices import SliceFile
from tests.support.loghub import HOW_TO_GET, Sample, find_folder, read_samples

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RARE = "quasarfault"
START_US = 1_760_054_400_000_000
_DAY_US = 86_400_000_000
_SAMPLED = 19  # each of so many records is looked at for words to ask for; samples repeat after 24,000
_SHARES = {
    "HDFS": 20, "OpenStack": 15, "Apache": 12, "Spark": 12, "Hadoop": 10, "OpenSSH": 8, "Zookeeper": 6,
    "Linux": 5, "BGL": 5, "HPC": 3, "Proxifier": 2, "Thunderbird": 2,
}  # fmt: skip
_PROJECTS = {
    "data": {"HDFS", "Spark", "Hadoop", "Zookeeper"},
    "web": {"Apache", "Proxifier"},
    "cloud": {"OpenStack", "Linux", "OpenSSH", "BGL", "HPC", "Thunderbird"},
}
_INSTANCES = {"HDFS": 3, "OpenStack": 3, "Spark": 3, "Hadoop": 3, "Zookeeper": 3, "Apache": 2, "OpenSSH": 2}
_LEVELS = {
    "INFO": "INFO", "WARN": "WARNING", "WARNING": "WARNING", "ERROR": "ERROR", "FATAL": "CRITICAL",
    "SEVERE": "CRITICAL", "notice": "INFO", "error": "ERROR", "FAILURE": "ERROR", "DEBUG": "DEBUG",
}  # fmt: skip
_VARYING = re.compile(r"(?P<address>\d+\.\d+\.\d+\.\d+)|(?P<hex>[0-9a-f]{8,})|(?P<id>\d{6,})|(?P<number>\d+)")


class Line(NamedTuple):
    """A line of a sample: what stays, and for each argument its pieces, with the kind of those that vary."""

    level: str
    logger: str
    pid: int
    template: str
    arguments: list[list[tuple[str | None, str]]]


def samples() -> dict[str, Sample]:
    """
    Return loghub's samples by system.

    Raises:
        FileNotFoundError: They are not there.
    """
    folder = find_folder()
    if folder is None:
        raise FileNotFoundError(HOW_TO_GET)
    return {sample.system: sample for sample in read_samples(folder)}


def lines_of(system: str, sample: Sample) -> list[Line]:
    """Return the lines of a sample, taken apart by the templates that people gave them."""
    found = []
    for row in sample.rows:
        text = row["Content"]
        level = _LEVELS.get(row.get("Level", ""))
        if level is None:
            low = text.lower()
            bad = re.search(r"fail|invalid|denied|unavailable", low)
            level = "ERROR" if re.search(r"error|fatal|panic", low) else "WARNING" if bad else "INFO"
        logger = row.get("Component") or row.get("Program") or system.lower()
        pid = re.sub(
            r"\D", "", row.get("Pid") or row.get("PID") or row.get("Process") or row.get("Node") or "1"
        )
        found.append(Line(level, logger, int(pid[-5:] or 1), *_taken_apart(text, row["EventTemplate"])))
    return found


def _taken_apart(text: str, template: str) -> tuple[str, list[list[tuple[str | None, str]]]]:
    pattern = "".join("(.*?)" if part == "<*>" else re.escape(part) for part in re.split(r"(<\*>)", template))
    found = re.fullmatch(pattern, text, re.DOTALL)
    if found:
        return template.replace("%", "%%").replace("<*>", "%s"), [_varying(each) for each in found.groups()]
    return re.sub(r"\d+", "%s", text.replace("%", "%%")), [
        _varying(each) for each in re.findall(r"\d+", text)
    ]


def _varying(argument: str) -> list[tuple[str | None, str]]:
    pieces: list[tuple[str | None, str]] = []
    position = 0
    for found in _VARYING.finditer(argument):
        if found.start() > position:
            pieces.append((None, argument[position : found.start()]))
        pieces.append((found.lastgroup, found[0]))
        position = found.end()
    if position < len(argument):
        pieces.append((None, argument[position:]))
    return pieces


class Values:
    """What varies in the lines of one service."""

    def __init__(self, rng: random.Random, addresses: Sequence[str]) -> None:
        """Draw the ids that are in use at the beginning."""
        self._rng = rng
        self._addresses = addresses
        self._ids = [str(rng.randrange(10**9)) for _ in range(64)]
        self._hex = [f"{rng.getrandbits(128):032x}" for _ in range(64)]
        self.trace = f"{rng.getrandbits(64):016x}"
        self._left = 8

    def next_trace(self) -> str:
        """Return the trace of the next record: about eight share one."""
        self._left -= 1
        if self._left <= 0:
            self.trace, self._left = f"{self._rng.getrandbits(64):016x}", self._rng.randrange(2, 15)
        return self.trace

    def drawn(self, kind: str | None, text: str) -> str:
        """Return a value of the same kind and length."""
        rng, size = self._rng, len(text)
        if kind is None:
            return text
        if kind == "address":
            return self._addresses[int(len(self._addresses) * rng.random() ** 2)]
        if kind == "number":
            if rng.random() < 0.5:
                return text
            return str(rng.randrange(10 ** (size - 1), 10**size)) if size > 1 else str(rng.randrange(10))
        pool = self._ids if text.isdecimal() else self._hex
        place = rng.randrange(64)
        if rng.random() < 0.35:
            pool[place] = str(rng.getrandbits(62)) if pool is self._ids else f"{rng.getrandbits(128):032x}"
        found = pool[place]
        return (found * (size // len(found) + 1))[:size]


def generated(count: int, seed: int = 7, start_us: int = START_US) -> Iterator[dict[str, Any]]:
    """
    Yield records in the order of their time.

    Args:
        count: How many; a million is a day.
        seed: Decides everything.
        start_us: Time before the first, since the epoch.
    """
    rng = random.Random(seed)
    known = samples()
    systems = [system for system in _SHARES if system in known]
    shares = [_SHARES[system] for system in systems]
    lines = {system: lines_of(system, known[system]) for system in systems}
    addresses = [".".join(str(rng.randrange(1, 255)) for _ in range(4)) for _ in range(400)]
    values = {system: Values(rng, addresses) for system in systems}
    places = {system: rng.randrange(2000) for system in systems}
    rare = set(rng.sample(range(count), max(1, count // 100_000)))
    order = Line("ERROR", "app.core", 1, f"{RARE} while closing order %s for customer %s", [
        [("id", "123456789")], [("number", "1234")],
    ])  # fmt: skip
    now, burst, system = float(start_us), 0, systems[0]
    for number in range(count):
        if burst:
            burst -= 1
            now += 5000 * rng.random()
        else:
            system = rng.choices(systems, shares)[0]
            burst = rng.randrange(20, 200) if rng.random() < 0.0005 else 0
            wave = 1 + 0.6 * math.sin(2 * math.pi * (now - START_US) / _DAY_US)
            now += rng.expovariate(1) * _DAY_US / 1e6 * 0.85 / wave
        own = lines[system]
        line = order if number in rare else own[places[system] % len(own)]
        places[system] += 1
        drawn = values[system]
        args = ["".join([drawn.drawn(*piece) for piece in pieces]) for pieces in line.arguments]
        yield {
            "ts": int(now), "level": line.level,
            "project": next(name for name, members in _PROJECTS.items() if system in members),
            "service": system.lower(),
            "instance": f"{system.lower()}-{rng.randrange(_INSTANCES.get(system, 1))}",
            "logger": line.logger, "msg": line.template % tuple(args), "pid": line.pid,
            "trace_id": drawn.next_trace(), "took_ms": round(math.exp(rng.gauss(2, 1.5)), 2),
            "template": line.template, "args": args,
        }  # fmt: skip


def natural(count: int, files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """
    Yield lines as they are, in their order, as a program prints them: without template or fields.

    Args:
        count: How many; what there is is repeated, a day later each time.
        files: One service each; none: the samples' lines in the order of their files.
    """
    texts: dict[str, list[str]] = {
        file.stem.lower(): file.read_text("utf-8", "replace").splitlines() for file in files
    }
    if not texts:
        texts = {system.lower(): sample.lines for system, sample in samples().items()}
    number = 0
    while number < count:
        for service, lines in texts.items():
            for line in lines[: count - number]:
                number += 1
                level = "ERROR" if "error" in line.lower() else "INFO"
                yield {
                    "ts": START_US + number * 10_000, "level": level, "project": "natural",
                    "service": service, "instance": "1", "logger": service, "msg": line, "pid": 1,
                    "trace_id": None, "took_ms": None, "template": None, "args": None,
                }  # fmt: skip


def common_word(messages: Sequence[str], lines: Sequence[str], values: Sequence[str]) -> str:
    """
    Return a word that about a seventh of messages have, never as a part of another, nowhere else in a line.

    So it means the same to those who look for words and to those who look for strings. One that stands in
    values as well as in templates is preferred: it is harder to find.

    Args:
        messages: A sample.
        lines: The same records as JSON.
        values: Their arguments, all in one text each.
    """
    counts = word_counts(messages)
    ranked = sorted(counts, key=lambda word: abs(counts[word] / len(messages) - 0.15))
    alone = [word for word in ranked[:400] if stands_alone(word, counts[word], lines)]
    if not alone:
        raise ValueError("no word of the sample stands always alone")
    among = [word for word in alone[:5] if any(word in value for value in values)]
    chosen: str = (among or alone)[0]
    return chosen


def rare_word(messages: Sequence[str], lines: Sequence[str]) -> str:
    """
    Return a word that hardly any message has, for lines in which none was put on purpose.

    Args:
        messages: A sample.
        lines: The same records as JSON.
    """
    counts = word_counts(messages)
    ranked = sorted((word for word in counts if len(word) > 5), key=lambda word: (counts[word], word))
    return next(word for word in ranked if stands_alone(word, counts[word], lines))


def word_counts(messages: Sequence[str]) -> Counter[str]:
    """Return how many messages have each word, case folded."""
    return Counter(word for message in messages for word in set(re.findall(r"\w+", message.casefold())))


def stands_alone(word: str, count: int, lines: Sequence[str]) -> bool:
    """Tell whether as many lines have a word as a string, in lower or any case, as messages have it."""
    if len(word) <= 3 or not word.isalpha():
        return False
    return sum(word in line for line in lines) == count == sum(word in line.casefold() for line in lines)


def write(folder: Path, records: Iterator[dict[str, Any]], rare: str | None) -> dict[str, Any]:
    """
    Write records as `records.jsonl` and `slices.bin`, and what to ask for as `facts.json`.

    Args:
        folder: Where; made when it is missing.
        records: In the order of their time.
        rare: A word with few hits; None: it is looked for.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sample: list[tuple[str, str, str]] = []
    count = first = last = 0
    services: Counter[str] = Counter()
    with (folder / "records.jsonl").open("w") as text, SliceFile(folder / "slices.bin") as slices:
        for count, record in enumerate(records, 1):
            slices.add(record)
            known = {name: value for name, value in record.items() if name not in {"template", "args"}}
            line = json.dumps(known, ensure_ascii=False, separators=(",", ":"))
            text.write(line + "\n")
            if count % _SAMPLED == 0 and len(sample) < 50_000:
                sample.append((record["msg"], line, " ".join(record["args"] or ())))
            first, last = first or record["ts"], record["ts"]
            services[record["service"]] += 1
    messages, lines, values = zip(*sample, strict=True)
    rare = rare or rare_word(messages, lines)
    facts = {
        "records": count, "first_us": first, "last_us": last, "service": services.most_common(1)[0][0],
        "word": common_word(messages, lines, values),
        "rare": rare, "part": rare[1:-1], "json_bytes": (folder / "records.jsonl").stat().st_size / count,
    }  # fmt: skip
    (folder / "facts.json").write_text(json.dumps(facts))
    return facts


def main() -> None:
    """Write the records of one run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("records", type=int)
    parser.add_argument("--natural", action="store_true")
    parser.add_argument("--lines", type=Path, nargs="*", default=[])
    options = parser.parse_args()
    if options.natural:
        found = write(options.folder, natural(options.records, options.lines), None)
    else:
        found = write(options.folder, generated(options.records), RARE)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
