"""Waves: all that is pending, in order, in pieces of one size, and never two drains at once."""

import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_jobs.core.waves import Wave, count_requests, plan_waves, run_lanes

SLICE = 16  # buckets
BUCKETS = st.lists(
    st.tuples(st.integers(0, 8 * SLICE - 1), st.integers(1, 40)), unique_by=lambda b: b[0]
).map(lambda found: [Wave(n, n, 1, requests) for n, requests in sorted(found)])


@given(BUCKETS, st.integers(1, 300))
def test_every_bucket_is_in_one_wave(buckets: list[Wave], size: int) -> None:
    waves = sorted(plan_waves(buckets, size=size, buckets_per_slice=SLICE), key=lambda w: w.first)

    assert all(a.last < b.first for a, b in pairwise(waves))
    for bucket in buckets:
        assert sum(wave.first <= bucket.first <= wave.last for wave in waves) == 1
    assert count_requests(waves) == count_requests(buckets)
    assert sum(wave.chunks for wave in waves) == len(buckets)


@given(BUCKETS, st.integers(1, 300))
def test_a_wave_is_of_the_size_or_one_bucket_too_large(buckets: list[Wave], size: int) -> None:
    largest = max((bucket.requests for bucket in buckets), default=0)

    for wave in plan_waves(buckets, size=size, buckets_per_slice=SLICE):
        assert wave.requests <= size + largest


@given(BUCKETS, st.integers(1, 300))
def test_a_wave_stays_in_its_slice_or_takes_whole_slices(buckets: list[Wave], size: int) -> None:
    waves = plan_waves(buckets, size=size, buckets_per_slice=SLICE)
    starts = {bucket.first // SLICE: bucket.first for bucket in reversed(buckets)}
    ends = {bucket.first // SLICE: bucket.first for bucket in buckets}

    # The first one was whole before it was cut in half.
    for wave in waves[1:-1]:
        first, last = wave.first // SLICE, wave.last // SLICE
        assert first == last or (wave.first, wave.last) == (starts[first], ends[last])


def test_the_first_of_several_waves_is_half_a_wave_and_the_other_half_comes_last() -> None:
    buckets = [Wave(n, n, 1, 10) for n in range(30)]

    waves = plan_waves(buckets, size=100, buckets_per_slice=1024)

    assert [wave.requests for wave in waves] == [50, 100, 100, 50]
    assert (waves[0].last, waves[-1].first) == (4, 5)


def test_a_small_run_is_one_wave_over_all_slices() -> None:
    buckets = [Wave(n, n, 1, 7) for n in range(0, 64, 8)]

    assert plan_waves(buckets, size=100, buckets_per_slice=SLICE) == [Wave(0, 56, 8, 56)]


def test_two_lanes_work_side_by_side() -> None:
    together = threading.Barrier(2, timeout=10)

    def meet(_: Wave) -> bool:
        together.wait()
        return True

    run_lanes([Wave(n, n, 1, 1) for n in range(4)], meet, lanes=2)


@pytest.mark.parametrize("lanes", [1, 2])
def test_no_wave_begins_after_one_that_said_stop(lanes: int) -> None:
    seen = []

    def stop_at_once(wave: Wave) -> bool:
        seen.append(wave)
        return False

    run_lanes([Wave(n, n, 1, 1) for n in range(9)], stop_at_once, lanes=lanes)

    assert 1 <= len(seen) <= lanes


def test_the_error_of_a_lane_ends_all_and_is_raised() -> None:
    seen = []

    def fail(wave: Wave) -> bool:
        seen.append(wave)
        raise ValueError(wave)

    with pytest.raises(ValueError, match="Wave"):
        run_lanes([Wave(n, n, 1, 1) for n in range(9)], fail, lanes=2)
    assert len(seen) <= 2
