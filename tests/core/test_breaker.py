"""The circuit breaker: bad pages pass, a bad engine does not."""

from collections import Counter

from spark_jobs.core.breaker import WINDOW, Breaker


def make_breaker(at_once: int = 16, **changes: float) -> Breaker:
    limits = {"max_failed_share": 0.5, "max_length_change": 2.0, "usual_length": 0.0, **changes}
    return Breaker(**limits, at_once=at_once)


def outcomes(ok: int = 0, *, failed: int = 0, length: float = 100.0) -> Counter[str]:
    counts = {"status.ok": ok, "status.rejected": failed, "completion_tokens": int(ok * length)}
    return Counter(counts)


def test_good_dialogues_go_on() -> None:
    breaker, counts = make_breaker(), Counter[str]()

    for _ in range(50):
        counts += outcomes(30, failed=3)
        assert breaker.judge(counts) == ""


def test_a_few_outcomes_prove_nothing() -> None:
    assert make_breaker().judge(outcomes(failed=WINDOW - 1)) == ""


def test_what_comes_back_first_does_not_speak_for_thousands_at_work() -> None:
    breaker = make_breaker(at_once=16_384, usual_length=700.0)

    assert breaker.judge(outcomes(failed=600)) == ""
    assert breaker.judge(outcomes(5_000, failed=600, length=100)) == ""
    assert "failed" in breaker.judge(outcomes(5_000, failed=40_000, length=100))


def test_an_engine_that_fails_from_the_start_is_seen() -> None:
    reason = make_breaker().judge(outcomes(failed=WINDOW))

    assert "100% of the newest 200 dialogues failed" in reason
    assert "generate.max_failed_share" in reason


def test_an_engine_that_fails_after_a_long_good_time_is_seen_at_once() -> None:
    breaker = make_breaker()
    good = outcomes(100_000)

    assert breaker.judge(good) == ""
    assert breaker.judge(good + outcomes(failed=WINDOW // 2)) == ""
    assert "failed" in breaker.judge(good + outcomes(failed=WINDOW))


def test_dialogues_much_shorter_than_earlier_ones_are_seen() -> None:
    reason = make_breaker(usual_length=700.0).judge(outcomes(WINDOW, length=20))

    assert "20 output tokens on average, 700 were usual" in reason


def test_without_earlier_ones_the_first_are_the_measure() -> None:
    breaker, counts = make_breaker(), outcomes(WINDOW, length=300)

    assert breaker.judge(counts) == ""
    assert "2000 output tokens" in breaker.judge(counts + outcomes(WINDOW, length=2000))


def test_a_task_that_starts_over_takes_its_counts_with_it() -> None:
    breaker = make_breaker()
    breaker.judge(outcomes(5_000))

    assert breaker.judge(outcomes(3_000)) == ""
    assert "failed" in breaker.judge(outcomes(3_000, failed=WINDOW))


def test_limits_of_zero_are_none() -> None:
    breaker = make_breaker(max_failed_share=0.0, max_length_change=0.0, usual_length=700.0)

    assert breaker.judge(outcomes(WINDOW, length=1)) == ""
    assert breaker.judge(outcomes(WINDOW, failed=10 * WINDOW)) == ""
