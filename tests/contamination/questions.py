"""A small benchmark of our own."""

from udfs.checks.rules import Rules
from udfs.contamination.index import Benchmark, Index, build_index, parse_index

LIGHTHOUSE = (
    "A lighthouse keeper climbs 217 steps every evening. On his way down he rests 9 times for two "
    "minutes each. How many steps does he climb in three weeks?"
)
BISCUITS = (
    "Farida bakes 36 almond biscuits and sells each of them for $1.25. Her brother Tomasz eats a "
    "third of what is left. How much money does Farida take home if 6 biscuits break?"
)
FERRY = (
    "The ferry to Inishbofin carries 84 passengers and 11 bicycles. It sails 4 times a day. How "
    "many passengers can it carry in the month of June?"
)
SHORT = "What is the smallest prime number greater than one hundred?"
TOO_SHORT = "What is 7 times 8?"
QUESTIONS = (LIGHTHOUSE, BISCUITS, FERRY, SHORT, TOO_SHORT)


def index_file(*questions: str) -> bytes:
    return build_index("ours", enumerate(questions or QUESTIONS))


def index_of(*questions: str) -> Index:
    return parse_index(index_file(*questions))


def benchmark_of(*questions: str) -> Benchmark:
    return Benchmark.load(index_file(*questions))


def with_benchmarks(rules: Rules, *benchmarks: Benchmark) -> Rules:
    """The rules with other benchmarks, in both checks."""
    limits = {"benchmarks": benchmarks}
    names = ("contaminated", "contaminated_loose")
    return rules.model_copy(
        update={name: getattr(rules, name).model_copy(update=limits) for name in names}
    )
