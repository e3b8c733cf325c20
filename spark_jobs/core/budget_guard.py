"""The budget guard: what is about to cost much asks first."""

from collections.abc import Sequence

from spark_jobs.core.forecast import Forecast
from spark_jobs.core.pending import Wanted
from spark_jobs.core.waves import Wave, count_requests
from udfs.dialogue.specs import Spec
from udfs.errors import UsageError


def check_budget(
    wanted: Wanted, new: Sequence[Spec], buckets: Sequence[Wave], expected: Forecast
) -> None:
    """Raise UsageError when a run would exceed one of its limits, unless it was confirmed.

    `new` are the specs that were never asked with before.
    """
    settings, prices = wanted.settings, wanted.run.settings.cost
    if settings.confirmed:
        return
    requests = count_requests(buckets)
    # Nothing of a new spec is there yet: every chunk that is pending lacks it.
    unseen = len(new) * settings.samples * sum(bucket.chunks for bucket in buckets)
    problems = []
    if settings.max_requests and requests > settings.max_requests:
        problems.append(
            f"{requests:,} dialogues are pending, generate.max_requests is "
            f"{settings.max_requests:,}"
        )
    if settings.max_cost and expected.cost.mid > settings.max_cost:
        problems.append(
            f"they will cost about {expected.cost.mid:,.0f} {prices.currency}, "
            f"generate.max_cost is {settings.max_cost:,.0f}"
        )
    if settings.max_new_spec_requests and unseen > settings.max_new_spec_requests:
        styles = ", ".join(spec.style.name for spec in new)
        problems.append(
            f"{unseen:,} of them are of ways of asking that this warehouse has never seen "
            f"({styles}), generate.max_new_spec_requests is {settings.max_new_spec_requests:,}: "
            "look at the prompt, the model and the sampling"
        )
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise UsageError(f"nothing was asked:\n{listed}\nTo go on all the same: --yes")
