"""
Which tests of a run are those of a file that was moved or renamed.

A test that ran before and is gone (*old*) and one that was never seen (*new*) may be the same where they have
the same name within their files: group, name and parameters. One such pair says little, as many files have a
`test_empty`; so whole files are matched. Two files fit where at least half of the names of both together
(Jaccard's index) are common to them, or a third where the name of the file without its folder is the same,
and where each is the best for the other. Two best ones that are as good as each other are ambiguous, and
nothing is said.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ALIKE = 0.5
ALIKE_SAME_NAME = 0.34


class Named(NamedTuple):
    """
    A test by name.

    Attributes:
        test: Its number.
        file: The file it stands in.
        within: Its name within the file.
    """

    test: int
    file: str
    within: str


def moved(old: Iterable[Named], new: Iterable[Named], staying: Iterable[str] = ()) -> dict[int, int]:
    """
    Return which new tests are old ones: numbers of old ones by those of new ones.

    Args:
        old: Tests that are gone.
        new: Tests that were never seen before.
        staying: Files in which other tests ran on, or had run before: they were not moved as a whole.
    """
    stay = frozenset(staying)
    left, right = _by_file(old, stay), _by_file(new, stay)
    alike = _likeness(left, right)
    best_of_old, best_of_new = _best(alike), _best({(b, a): value for (a, b), value in alike.items()})
    pairs: dict[int, int] = {}
    for before, after in best_of_old.items():
        if best_of_new.get(after) == before:
            common = left[before].keys() & right[after].keys()
            pairs |= {right[after][name]: left[before][name] for name in sorted(common)}
    return pairs


def _by_file(tests: Iterable[Named], stay: frozenset[str]) -> dict[str, dict[str, int]]:
    files: dict[str, dict[str, int]] = defaultdict(dict)
    for test in tests:
        if test.file not in stay:
            files[test.file][test.within] = test.test
    return files


def _likeness(
    left: Mapping[str, Mapping[str, int]], right: Mapping[str, Mapping[str, int]]
) -> dict[tuple[str, str], float]:
    """Return how much alike files are, of those that fit; only files with a name in common are compared."""
    with_name: dict[str, list[str]] = defaultdict(list)
    for file, names in right.items():
        for name in names:
            with_name[name].append(file)
    found: dict[tuple[str, str], float] = {}
    for before, names in left.items():
        common = Counter(after for name in names for after in with_name.get(name, ()))
        for after, count in common.items():
            value = count / (len(names) + len(right[after]) - count)
            same_name = before.rpartition("/")[2] == after.rpartition("/")[2]
            if value >= (ALIKE_SAME_NAME if same_name else ALIKE):
                found[before, after] = value + same_name
    return found


def _best(alike: Mapping[tuple[str, str], float]) -> dict[str, str]:
    """Return the best partner of each file that has one alone."""
    partners: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for (file, partner), value in alike.items():
        partners[file].append((value, partner))
    best = {}
    for file, found in partners.items():
        found.sort(reverse=True)
        if len(found) == 1 or found[0][0] > found[1][0]:
            best[file] = found[0][1]
    return best
