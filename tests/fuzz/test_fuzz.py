"""Whatever reaches a reader of what others wrote is read or refused, and nothing else; see `targets`."""

from __future__ import annotations

import gzip
import os
import random
import subprocess
import sys
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zstandard

from pylogtap_collector.errors import Invalid
from pylogtap_collector.inflating import inflate
from tests.fuzz.found import BROKE, GREW
from tests.fuzz.growth import patterns, slow_growth
from tests.fuzz.mutation import mutations
from tests.fuzz.targets import TARGETS

if TYPE_CHECKING:
    from tests.faults.conftest import Saw

ROOT = Path(__file__).parents[2]
SECONDS = "PYLOGTAP_FUZZ_SECONDS"  # how long each reader is fuzzed; set by `nox -s fuzz -- --seconds N`
_INPUTS = 100  # of each reader in CI
_AT_ONCE = 2
_SOUND = "0 other errors, 0 unsound values"
_GROWTH_S = 4  # for each reader, in the long form


@pytest.mark.parametrize(("name", "data"), BROKE)
def test_what_broke_a_reader_once(name: str, data: bytes) -> None:
    """What was found is read or refused ever since."""
    TARGETS[name].read(data)


@pytest.mark.parametrize(("name", "head", "unit"), GREW)
def test_what_took_ever_longer_once(name: str, head: bytes, unit: bytes) -> None:
    """What took time with the square of its length takes it with its length ever since."""
    assert slow_growth(TARGETS[name], head, unit, 16 << 10) is None


def test_any_input_is_read_or_refused(seed: int, saw: Saw) -> None:
    """Sound inputs, and those that chance has made of them: no error but ours, and nothing unsound."""
    tried = 0
    for target in TARGETS.values():
        for sample in target.samples:
            target.read(sample)
        chance = random.Random(f"{target.name} {seed}")
        for _, data in zip(range(_INPUTS), mutations(target, chance), strict=False):
            tried += 1
            try:
                target.read(data)
            except BaseException as error:
                raise AssertionError(f"{target.name} does not read {data!r}") from error
    saw(
        "any-input",
        f"{tried:,} inputs of {len(TARGETS)} readers: 0 other errors, 0 unsound values",
        kept=True,
    )


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_inputs_that_reach_further(seed: int, saw: Saw, tmp_path: Path) -> None:
    """The same of inputs that are bred by the code that they reach, for as long as there is time."""
    if find_spec("atheris") is None:
        pytest.skip("atheris is not installed; `python -m pip install atheris`, on Linux, and try again")
    seconds = int(os.environ.get(SECONDS, "6"))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        ended = list(pool.map(lambda name: _fuzzed(name, seconds, seed, tmp_path), TARGETS))
    broken = {name: said for name, (_, said) in zip(TARGETS, ended, strict=True) if said}
    tried = sum(executed for executed, _ in ended)
    outcome = f"{len(broken)} broken" if broken else _SOUND
    print(*broken.values(), sep="\n")  # noqa: T201 - how each of them broke
    saw("any-input", f"{tried:,} inputs of {len(TARGETS)} readers: {outcome}", kept=not broken)


def _fuzzed(name: str, seconds: int, seed: int, folder: Path) -> tuple[int, str]:
    """Fuzz one reader; return how many inputs it was given, and what was said where it broke."""
    command = [sys.executable, "-m", "tests.fuzz.run", name, "--corpus", str(folder)]
    command += ["--seconds", str(seconds), "--seed", str(seed)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    said = ended.stdout + ended.stderr
    executed = next(
        (line.split()[-1] for line in said.splitlines() if "number_of_executed_units" in line), "0"
    )
    return int(executed), f"{name}: {said[-3_000:]}" if ended.returncode else ""


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_time_grows_as_the_input(seed: int, saw: Saw) -> None:
    """Four times of whatever is repeated takes about four times as long, of every reader."""
    chance, tried, slow = random.Random(seed), 0, dict[str, float]()
    for target in TARGETS.values():
        known, until = list(patterns(target)), time.monotonic() + _GROWTH_S
        for head, unit in chance.sample(known, len(known)):
            if time.monotonic() > until:
                break
            tried += 1
            found = slow_growth(target, head, unit)
            if found is not None:
                slow[f"{target.name}: {unit[:40]!r} behind {head[:40]!r}"] = found
    figure = f"{tried:,} ways to grow: {len(slow)} take more than 10 times as long"
    saw("growing-input", figure, kept=not slow)


@pytest.mark.parametrize("coding", ["gzip", "zstd", "deflate"])
def test_bodies_are_not_taken_in_part(coding: str, saw: Saw) -> None:
    """Wherever a compressed body is cut, it is refused; of several streams in one, all counts."""
    data = random.Random(1).randbytes(1_000) * 3
    if coding == "zstd":
        body = zstandard.ZstdCompressor(write_content_size=False).compress(data)
    else:
        body = gzip.compress(data) if coding == "gzip" else zlib.compress(data)
    taken = 0
    for size in range(1, len(body)):
        with suppress(Invalid):
            taken += inflate(body[:size], coding, 1 << 20) != data
    assert inflate(body + body, coding, 1 << 20) == data * 2
    saw("cut-bodies", f"{len(body) - 1} places to cut {coding}: {taken} bodies taken in part", kept=not taken)
