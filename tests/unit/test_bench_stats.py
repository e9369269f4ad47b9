"""Medians, percentiles and bootstrap intervals of the benchmark."""

from __future__ import annotations

import random
import statistics

import pytest

from build_scripts.bench import stats


def test_a_quantile_lies_between_the_two_samples_around_it():
    ordered = [1.0, 2.0, 3.0, 4.0]
    assert stats.quantile(ordered, 0.0) == 1.0
    assert stats.quantile(ordered, 1.0) == 4.0
    assert stats.quantile(ordered, 0.5) == statistics.median(ordered)
    # As statistics.quantiles has it for samples that contain their extremes.
    values = sorted(random.Random(1).random() for _ in range(57))
    expected = statistics.quantiles(values, n=10, method="inclusive")
    assert [stats.quantile(values, i / 10) for i in range(1, 10)] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("count", "part", "enough"),
    [(99, 0.9, False), (100, 0.9, True), (999, 0.99, False), (1000, 0.99, True), (9999, 0.999, 0)],
)  # fmt: skip
def test_a_percentile_needs_ten_samples_beyond_it(count, part, enough):
    assert stats.carries(count, part) == bool(enough)


def test_a_spread_says_where_the_samples_lie():
    found = stats.spread([5.0, 1.0, 2.0, 4.0, 3.0])
    assert (found.n, found.value, found.minimum) == (5, 3.0, 1.0)
    assert found.p10 == pytest.approx(1.4)
    assert found.p90 == pytest.approx(4.6)
    assert 1.0 <= found.low <= found.value <= found.high <= 5.0
    assert found == stats.spread([1.0, 2.0, 3.0, 4.0, 5.0])  # nothing is drawn anew


def test_one_sample_has_no_width():
    assert stats.spread([2.0]).width == 0


def test_intervals_hold_the_true_median_about_as_often_as_they_say():
    source = random.Random(7)
    rounds, inside = 60, 0
    for _ in range(rounds):
        found = stats.spread([source.lognormvariate(0, 0.5) for _ in range(30)])
        inside += found.low <= 1.0 <= found.high
    assert 0.85 <= inside / rounds <= 1.0


def test_what_hits_a_round_hits_both_and_does_not_widen_the_interval():
    source = random.Random(3)
    slow = [source.choice((1.0, 5.0)) for _ in range(30)]  # a machine that is busy now and then
    ours = {i: 1.0 * s for i, s in enumerate(slow)}
    theirs = {i: 10.0 * s for i, s in enumerate(slow)}
    found = stats.ratio(ours, theirs)
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((10, 10, 10))
    # The same numbers unpaired: anything from 2 to 50.
    assert stats.change(list(theirs.values()), list(ours.values())).width > 10


def test_a_millisecond_is_found_and_twins_do_not_differ():
    source = random.Random(5)

    def cold(more: float) -> dict[int, float]:
        return {i: 1.2 + more + source.expovariate(20) for i in range(30)}

    first = cold(0)
    twin = stats.difference(cold(0), first)
    slower = stats.difference(cold(1), first)
    assert twin is not None
    assert slower is not None
    assert twin.low < 0 < twin.high
    assert 0.9 < slower.value < 1.1
    assert slower.low > 0.8


def test_only_common_rounds_count():
    assert stats.ratio({0: 1.0}, {1: 2.0}) is None
    found = stats.ratio({0: 1.0, 1: 2.0}, {1: 4.0, 2: 9.0})
    assert found is not None
    assert (found.n, found.value) == (1, 2.0)
