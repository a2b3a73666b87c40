"""Whatever metrics are called, Prometheus can read what it is given."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from pylogtap_collector.services.exposition import expose
from pylogtap_collector.services.latest import Newest

NOW = 1_760_000_000 * 10**9
names = st.sampled_from(
    ["a.b", "a_b", "a_b_total", "9lives", "container.cpu.time", "container.pids", "é", "x:y"]
)
newest = st.builds(
    lambda name, value, age, unit, kind, labels: Newest(
        1, ("shop", "web", "web-1"), name, unit, kind, labels, NOW - age * 10**9, value
    ),
    name=names | st.text(min_size=1, max_size=12),
    value=st.floats(allow_nan=False, allow_infinity=False),
    age=st.integers(-10, 5_000),
    unit=st.none() | st.sampled_from(["s", "%", "bytes", "m/s²", "1", ""]) | st.text(max_size=5),
    kind=st.sampled_from(["gauge", "counter"]),
    labels=st.dictionaries(
        st.sampled_from(["direction", "instance", "name", "a/b", "a_b", "__x", "9", "", "exported_instance"]),
        st.text(max_size=8) | st.sampled_from(["receive", "read", 'a"b\\c\nd', "\\n"]),
        max_size=4,
    ),
)


@given(st.lists(newest, max_size=12))
def test_any_metrics_can_be_read(found: list[Newest]) -> None:
    """All samples that are not too old are read with their values and labels, and none is there twice."""
    seen = set()
    values = {each.value for each in found if NOW - each.time <= 3_600 * 10**9}
    for family in text_string_to_metric_families(expose(found, NOW, "pylogtap_collector_")):
        for sample in family.samples:
            key = (sample.name, tuple(sorted(sample.labels.items())))
            assert key not in seen
            seen.add(key)
            assert sample.value in values
            assert (sample.labels["project"], sample.labels["instance"]) == ("shop", "web-1")
    assert bool(seen) is bool(values)
