"""Fuzz one reader, guided by the code that inputs reach: `python -m tests.fuzz.run NAME --seconds 60`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["pylogtap", "pylogtap_collector"]):
    from tests.fuzz.targets import TARGETS

LONGEST = 4_096  # bytes of an input
SLOW_S = 60  # no input of that size may take so long, however busy the machine is


def main() -> None:
    """Run until the time is over, or something does not hold: then the input is kept beside the corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--corpus", type=Path, default=Path(".fuzz"), help="folder; what is found is kept in it"
    )
    chosen = parser.parse_args()
    target = TARGETS[chosen.name]
    corpus = chosen.corpus / chosen.name
    corpus.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        begun, words = Path(folder, "samples"), Path(folder, "words")
        begun.mkdir()
        for number, sample in enumerate(target.samples):
            Path(begun, str(number)).write_bytes(sample[:LONGEST])
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words if word))
        arguments = [
            f"-max_total_time={chosen.seconds}", f"-seed={chosen.seed}", f"-max_len={LONGEST}",
            f"-timeout={SLOW_S}", "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0",
            f"-artifact_prefix={corpus}-", "-len_control=20",
        ]  # fmt: skip
        if target.words:
            arguments.append(f"-dict={words}")
        folders = [str(corpus), str(begun)]
        atheris.Setup([sys.argv[0], *arguments, *folders], target.read)
        atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main()
