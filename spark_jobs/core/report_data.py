"""What a report is made of: a few queries whose answers are small however large the tables are.

The dialogues that count are joined with their verdicts once, texts left out, and kept on disk for
the queries that go over all of them; texts are read for the samples alone.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pyspark.sql import DataFrame, Row

from spark_jobs.core.kept import keep
from spark_jobs.core.runs import Run
from spark_jobs.core.tables import quote
from spark_jobs.core.views import name_tables
from udfs.errors import UsageError
from udfs.report.content import (
    Comparison,
    Content,
    Corpus,
    Duplicates,
    Funnel,
    Histogram,
    Measure,
    Opening,
    Period,
    ReasonCount,
    Sample,
    Side,
    StyleMeans,
    StylePair,
)

LONGEST_TEXT = 200_000  # characters of a sample; a dialogue of 4,096 tokens has some 15,000
PERIODS = 60  # columns over time, however many waves there were
PAIRS = 200  # rows of the tables by model and style: seven styles make 21 pairs for each model
# Of no rows there is no sum of all either.
NOTHING = Funnel("", "", "", *[0] * 8)
# Why a dialogue that passed all gates is not in the corpus; words of no check.
DUPLICATE, NOT_IN_CORPUS = "duplicate", "not_in_corpus"

# Of each measure an SQL expression over what `find_judged` gives; null is left out.
MEASURES: Mapping[str, Measure] = {
    "n_tokens": Measure("Tokens in", "Of the chunk, by the chunker's tokenizer.", 50, 20),
    "completion_tokens": Measure("Tokens out", "By the engine's own count.", 100, 20),
    "completion_tokens / n_tokens": Measure(
        "Tokens out per token in", "Below 1 the dialogue is shorter than its chunk.", 0.25, 20
    ),
    "metrics.copied_share": Measure(
        "Words copied", "Part of the dialogue's words in the chunk's 8-grams.", 0.05, 20
    ),
    "metrics.returned_share": Measure(
        "Chunk returned", "Part of the chunk's 8-grams that are in the dialogue.", 0.05, 20
    ),
    "metrics.turns": Measure("Turns", "Of all speakers.", 2, 20),
    "metrics.speakers": Measure("Speakers", "Who has a turn.", 1, 8),
    "IF(metrics.source_number_count > 0, metrics.kept_number_share, NULL)": Measure(
        "Numbers carried over", "Part of the chunk's numbers, where it has any.", 0.05, 20
    ),
    "metrics.new_number_count": Measure(
        "New numbers", "Neither in the chunk nor derived in the dialogue.", 1, 16
    ),
}


def read_content(run: Run) -> Content:
    """All of a report, from the tables as they are."""
    corpus = read_corpus(run)
    with find_judged(run, corpus) as judged:
        funnels = read_funnels(run, judged)
        return Content(
            made_at=run.started_at,
            run_id=run.run_id,
            currency=run.settings.cost.currency,
            samples_each=run.settings.report.samples,
            corpus=corpus,
            total=next((funnel for funnel in funnels if not funnel.style), NOTHING),
            styles=tuple(f for f in funnels if f.style and not f.spec_id),
            specs=tuple(f for f in funnels if f.spec_id),
            statuses=read_statuses(run, judged),
            reasons=read_reasons(run, judged),
            histograms=read_histograms(run, judged),
            means=read_means(run, judged),
            duplicates=read_duplicates(run, corpus),
            pairs=read_pairs(run),
            openings=read_openings(run),
            periods=read_periods(run),
            samples=read_samples(run, judged),
            comparison=read_comparison(run, corpus),
        )


def read_corpus(run: Run) -> Corpus:
    """What there is to ask about, and by which chunker and rules the report goes.

    The rules are those that the corpus follows, the newest verdict's where it is empty.
    """
    row = ask(
        run,
        """
        SELECT *, (
            SELECT count(DISTINCT v.chunk_id) FROM {CHUNK_VERDICTS} v
            LEFT ANTI JOIN {WITHDRAWN} w ON v.doc_id = w.doc_id
            WHERE NOT v.accepted AND v.chunker_id = newest.chunker_id
              AND v.rules_id = (SELECT max_by(rules_id, judged_at) FROM {CHUNK_VERDICTS})
          ) AS rejected_chunks
        FROM (
          SELECT
            (SELECT count(*) FROM {DOCUMENTS} d
             LEFT ANTI JOIN {WITHDRAWN} w ON d.doc_id = w.doc_id) AS pages,
            (SELECT max_by(chunker_id, created_at) FROM {CHUNKS}) AS chunker_id,
            coalesce((SELECT max(rules_id) FROM {DIALOGUES}),
                     (SELECT max_by(rules_id, judged_at) FROM {VERDICTS})) AS rules_id
        ) newest
        """,
    ).collect()[0]
    chunks = ask(
        run,
        """
        SELECT count(*) FROM {CHUNKS} c LEFT ANTI JOIN {WITHDRAWN} w ON c.doc_id = w.doc_id
        WHERE c.chunker_id = {chunker}
        """,
        chunker=row.chunker_id,
    ).collect()[0][0]
    return Corpus(row.pages, chunks, row.rejected_chunks, row.chunker_id, row.rules_id)


@contextmanager
def find_judged(run: Run, corpus: Corpus) -> Iterator[DataFrame]:
    """The dialogues that count of the chunker with what the rules say of each, while it is used.

    `judged` is whether they have said something, `reasons` are empty for what is accepted.
    """
    judged = ask(run, JUDGED, chunker=corpus.chunker_id, rules=corpus.rules_id)
    with keep(judged) as kept:
        yield kept


JUDGED = f"""
    SELECT a.slice, a.style, a.spec_id, a.gen_key, a.attempt, a.wave_id, a.chunk_id, a.doc_id,
           a.status, a.completion_tokens, c.n_tokens, v.metrics, v.tags,
           coalesce(v.preamble_length, 0) AS preamble_length,
           v.gen_key IS NOT NULL AS judged,
           coalesce(v.accepted, false) AS passed,
           d.gen_key IS NOT NULL AS accepted,
           CASE WHEN v.gen_key IS NULL OR d.gen_key IS NOT NULL THEN array()
                WHEN NOT v.accepted THEN v.reasons
                WHEN r.gen_key IS NOT NULL THEN array('{DUPLICATE}')
                ELSE array('{NOT_IN_CORPUS}') END AS reasons
    FROM {{ANSWERS}} a
    JOIN (SELECT slice, chunk_id, n_tokens FROM {{CHUNKS}} WHERE chunker_id = {{chunker}}) c
      ON a.slice = c.slice AND a.chunk_id = c.chunk_id
    LEFT JOIN (SELECT * FROM {{VERDICTS}} WHERE rules_id = {{rules}}) v
      ON a.slice = v.slice AND a.gen_key = v.gen_key AND a.attempt = v.attempt
      AND a.wave_id = v.wave_id
    LEFT JOIN (SELECT * FROM {{DIALOGUES}} WHERE rules_id = {{rules}}) d
      ON a.slice = d.slice AND a.gen_key = d.gen_key AND a.attempt = d.attempt
      AND a.wave_id = d.wave_id
    LEFT JOIN (SELECT DISTINCT slice, gen_key FROM {{DUPLICATES}} WHERE rules_id = {{rules}}) r
      ON a.slice = r.slice AND a.gen_key = r.gen_key
"""


def read_funnels(run: Run, judged: DataFrame) -> tuple[Funnel, ...]:
    """The funnel of all, of each style and of each way of asking."""
    rows = ask(
        run,
        """
        SELECT coalesce(j.style, '') AS style, coalesce(j.spec_id, '') AS spec_id,
               coalesce(any_value(s.model), '') AS model,
               count(DISTINCT j.chunk_id) AS chunks, count(j.gen_key) AS asked,
               count_if(j.status = 'ok') AS ok, count_if(j.status = 'length') AS length,
               count_if(j.judged) AS judged, count_if(j.passed) AS passed,
               count_if(j.accepted) AS accepted,
               coalesce(sum(IF(j.accepted, j.completion_tokens, 0)), 0) AS accepted_tokens
        FROM {judged} j LEFT JOIN {SPECS} s ON j.spec_id = s.spec_id
        GROUP BY GROUPING SETS ((), (j.style), (j.style, j.spec_id))
        ORDER BY style, spec_id
        """,
        judged=judged,
    )
    return tuple(Funnel(**row.asDict()) for row in rows.collect())


def read_statuses(run: Run, judged: DataFrame) -> dict[str, int]:
    """Dialogues by status, the commonest first."""
    query = "SELECT status, count(*) n FROM {judged} GROUP BY status ORDER BY n DESC, status"
    return {row.status: row.n for row in ask(run, query, judged=judged).collect()}


def read_reasons(run: Run, judged: DataFrame) -> tuple[ReasonCount, ...]:
    """Dialogues by style and reason, gates and tags."""
    rows = ask(
        run,
        """
        SELECT style, reason, gate, count(*) AS dialogues FROM (
          SELECT style, explode(reasons) AS reason, true AS gate FROM {judged}
          UNION ALL SELECT style, explode(tags), false FROM {judged}
        ) GROUP BY style, reason, gate ORDER BY style, reason, gate
        """,
        judged=judged,
    )
    return tuple(ReasonCount(**row.asDict()) for row in rows.collect())


def read_histograms(run: Run, judged: DataFrame) -> tuple[Histogram, ...]:
    """A histogram of each measure."""
    stacked = ", ".join(
        f"{number}, CAST({sql} AS DOUBLE), {measure.width}D, {measure.bins}"
        for number, (sql, measure) in enumerate(MEASURES.items())
    )
    # A share of 0.15 is just below three times 0.05.
    rows = ask(
        run,
        """
        SELECT measure, accepted, count(*) AS n,
               CAST(least(greatest(floor(value / width + 1e-9), 0), bins - 1) AS INT) AS bin
        FROM (
          SELECT accepted, """
        f"stack({len(MEASURES)}, {stacked}) AS (measure, value, width, bins)"
        """ FROM {judged} WHERE metrics.answered
        ) WHERE value IS NOT NULL GROUP BY measure, accepted, bin
        """,
        judged=judged,
    )
    counts = {(row.measure, row.accepted, row.bin): row.n for row in rows.collect()}
    return tuple(
        Histogram(
            measure,
            *(tuple(counts.get((i, kept, b), 0) for b in range(measure.bins)) for kept in KEPT),
        )
        for i, measure in enumerate(MEASURES.values())
    )


KEPT = (True, False)


def read_means(run: Run, judged: DataFrame) -> tuple[StyleMeans, ...]:
    """Medians and sums of each style."""
    rows = ask(
        run,
        """
        SELECT style,
               percentile_approx(n_tokens, 0.5) AS chunk_tokens,
               percentile_approx(completion_tokens, 0.5) AS tokens,
               percentile_approx(completion_tokens / n_tokens, 0.5) AS ratio,
               percentile_approx(metrics.turns, 0.5) AS turns,
               percentile_approx(metrics.speakers, 0.5) AS speakers,
               percentile_approx(metrics.copied_share, 0.5) AS copied_share,
               percentile_approx(metrics.returned_share, 0.5) AS returned_share,
               percentile_approx(metrics.kept_number_share, 0.5)
                 FILTER (WHERE metrics.source_number_count > 0) AS kept_number_share,
               percentile_approx(metrics.new_number_count, 0.5) AS new_numbers,
               sum(metrics.true_equalities) AS true_equalities,
               sum(metrics.false_equalities) AS false_equalities,
               sum(metrics.undecided_equalities) AS undecided_equalities
        FROM {judged} WHERE metrics.answered GROUP BY style ORDER BY style
        """,
        judged=judged,
    )
    return tuple(StyleMeans(**row.asDict()) for row in rows.collect())


def read_duplicates(run: Run, corpus: Corpus) -> tuple[Duplicates, ...]:
    """What filter found to repeat another, by style."""
    rows = ask(
        run,
        """
        SELECT style, count(*) AS dialogues, avg(similarity) AS similarity
        FROM {DUPLICATES} WHERE rules_id = {rules} GROUP BY style ORDER BY style
        """,
        rules=corpus.rules_id,
    )
    return tuple(Duplicates(**row.asDict()) for row in rows.collect())


def read_pairs(run: Run) -> tuple[StylePair, ...]:
    """The pairs of styles that are most alike."""
    rows = ask(
        run,
        """
        SELECT model, style, other_style, pairs, similarity, share_alike FROM {SIMILARITY}
        ORDER BY similarity DESC, model, style, other_style
        """,
    )
    return tuple(StylePair(**row.asDict()) for row in rows.limit(PAIRS).collect())


def read_openings(run: Run) -> tuple[Opening, ...]:
    """How the dialogues of each style and model begin."""
    rows = ask(
        run,
        """
        SELECT style, model, dialogues, diversity, commonest, its_share FROM {OPENINGS}
        ORDER BY style, model
        """,
    )
    return tuple(Opening(**row.asDict()) for row in rows.limit(PAIRS).collect())


def read_periods(run: Run) -> tuple[Period, ...]:
    """The waves in the order of their commits, put together where they are many."""
    rows = ask(
        run,
        f"""
        SELECT min(coalesce(launched_at, committed_at)) AS begun_at,
               max(committed_at) AS ended_at, count(*) AS waves,
               {", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in SUMMED)}
        FROM (SELECT *, ntile({PERIODS}) OVER (ORDER BY committed_at, wave_id) AS period
              FROM {{WAVES}} WHERE committed_at IS NOT NULL)
        GROUP BY period ORDER BY ended_at, period
        """,
    )
    return tuple(Period(**row.asDict()) for row in rows.collect())


SUMMED = (*("dialogues", "prompt_tokens", "cached_tokens", "completion_tokens", "seconds", "cost"),)


def read_samples(run: Run, judged: DataFrame) -> tuple[Sample, ...]:
    """Some dialogues for each style and reason with their chunks, drawn by hash of their key."""
    drawn = ask(run, DRAWN, judged=judged, each=run.settings.report.samples)
    rows = ask(run, TEXTS, judged=judged, drawn=drawn)
    return tuple(make_sample(row) for row in rows.collect())


# A dialogue that was drawn for several reasons is there once.
DRAWN = """
    SELECT DISTINCT slice, gen_key FROM (
      SELECT slice, gen_key, row_number() OVER (
        PARTITION BY style, reason ORDER BY xxhash64(gen_key), gen_key
      ) AS place
      FROM (SELECT slice, style, gen_key, explode_outer(reasons) AS reason
            FROM {judged} WHERE judged)
    ) WHERE place <= {each}
"""
# Keys are drawn first, so that few texts are read.
TEXTS = f"""
    WITH chosen AS (
      SELECT j.* FROM {{judged}} j LEFT SEMI JOIN {{drawn}} k
      ON j.slice = k.slice AND j.gen_key = k.gen_key
    )
    SELECT k.gen_key, k.style, k.accepted, k.reasons, k.tags, s.model, p.url,
           k.n_tokens AS chunk_tokens, coalesce(k.completion_tokens, 0) AS tokens,
           left(substring(a.text, 1, k.preamble_length), {LONGEST_TEXT}) AS preamble,
           substring(a.text, k.preamble_length + 1, {LONGEST_TEXT}) AS text,
           greatest(length(a.text) - k.preamble_length - {LONGEST_TEXT}, 0) AS text_left_out,
           left(c.text, {LONGEST_TEXT}) AS source,
           greatest(length(c.text) - {LONGEST_TEXT}, 0) AS source_left_out
    FROM chosen k
    JOIN {{ATTEMPTS}} a ON a.slice = k.slice AND a.gen_key = k.gen_key AND a.attempt = k.attempt
      AND a.wave_id = k.wave_id
    JOIN {{CHUNKS}} c ON c.slice = k.slice AND c.chunk_id = k.chunk_id
    LEFT JOIN {{SPECS}} s ON s.spec_id = k.spec_id
    LEFT JOIN {{DOCUMENTS}} p ON p.slice = k.slice AND p.doc_id = k.doc_id
    ORDER BY k.style, k.accepted DESC, k.reasons, xxhash64(k.gen_key), k.gen_key
"""


def make_sample(row: Row) -> Sample:
    """A sample from a row; a dialogue without a text has an empty one."""
    values: dict[str, Any] = row.asDict()
    lists: dict[str, Any] = {name: tuple(values.pop(name) or ()) for name in ("reasons", "tags")}
    texts: dict[str, Any] = {n: "" if value is None else value for n, value in values.items()}
    return Sample(**lists, **texts)


def read_comparison(run: Run, corpus: Corpus) -> Comparison | None:
    """The two groups of `report.compare` where both have a verdict; None if none are named."""
    if not run.settings.report.compare:
        return None
    names = run.settings.report.compare.split(",")
    (one, first), (other, second) = (find_side(run, corpus, name) for name in names)
    with (
        keep(ask(run, SHARED, own=first, other=second)) as left,
        keep(ask(run, SHARED, own=second, other=first)) as right,
    ):
        sides = read_side(run, one, left), read_side(run, other, right)
        return Comparison(*sides, read_compared(run, left, right))


# What one side has on chunks and styles that the other has, too.
SHARED = """
    SELECT o.* EXCEPT (accepted, reasons), o.passed AS accepted,
           IF(o.passed, array(), o.reasons) AS reasons
    FROM {own} o LEFT SEMI JOIN (SELECT * FROM {other} WHERE judged) t
      ON o.slice = t.slice AND o.chunk_id = t.chunk_id AND o.style = t.style
    WHERE o.judged
"""


def find_side(run: Run, corpus: Corpus, prefix: str) -> tuple[str, DataFrame]:
    """Name and dialogues of a group; raises UsageError unless one spec or one set of rules fits."""
    found = ask(
        run,
        """
        SELECT 'spec' AS kind, spec_id AS id FROM {SPECS} WHERE startswith(spec_id, {prefix})
        UNION SELECT 'rules', rules_id FROM {VERDICTS} WHERE startswith(rules_id, {prefix})
        """,
        prefix=prefix,
    ).collect()
    if len(found) != 1:
        raise UsageError(
            f"report.compare: {prefix!r} begins {len(found)} ids, expected one spec_id of "
            "ops.specs or one rules_id of filtered.verdicts"
        )
    ((kind, full),) = found
    rules = full if kind == "rules" else corpus.rules_id
    judged = ask(run, JUDGED, chunker=corpus.chunker_id, rules=rules)
    return f"{kind} {full[:8]}", judged.where(judged.spec_id == full) if kind == "spec" else judged


def read_side(run: Run, name: str, judged: DataFrame) -> Side:
    """What is compared of a group."""
    total = next((f for f in read_funnels(run, judged) if not f.style), NOTHING)
    return Side(name, total, read_reasons(run, judged), read_means(run, judged))


def read_compared(run: Run, left: DataFrame, right: DataFrame) -> tuple[tuple[Sample, Sample], ...]:
    """Dialogues of both on the same chunk and style, those judged differently first."""
    keys = ask(run, COMPARED, left=left, right=right, each=run.settings.report.samples)
    texts = []
    for judged, name in ((left, "left_key"), (right, "right_key")):
        drawn = keys.select("slice", keys[name].alias("gen_key"))
        rows = ask(run, TEXTS, judged=judged, drawn=drawn).collect()
        texts.append({row.gen_key: make_sample(row) for row in rows})
    return tuple((texts[0][row.left_key], texts[1][row.right_key]) for row in keys.collect())


# By two sets of rules it is the same dialogue twice, else one of each.
COMPARED = """
    SELECT slice, style, left_key, right_key FROM (
      SELECT *, row_number() OVER (
        PARTITION BY style ORDER BY alike, xxhash64(left_key), left_key
      ) AS place
      FROM (
        SELECT l.slice, l.style, l.gen_key AS left_key,
               min(struct(r.gen_key <> l.gen_key, r.gen_key AS gen_key)).gen_key AS right_key,
               min_by(l.passed = r.passed, struct(r.gen_key <> l.gen_key, r.gen_key)) AS alike
        FROM {left} l JOIN {right} r
          ON l.slice = r.slice AND l.chunk_id = r.chunk_id AND l.style = r.style
        GROUP BY l.slice, l.style, l.gen_key
      )
    ) WHERE place <= {each} ORDER BY style, place
"""


def ask(run: Run, query: str, **values: Any) -> DataFrame:
    """A query with our tables by their names in capitals, and values or DataFrames beside."""
    frames: dict[str, Any] = {
        name: value for name, value in values.items() if isinstance(value, DataFrame)
    }
    plain = {n: write_value(value) for n, value in values.items() if n not in frames}
    for name, written in {**name_all(run), **plain}.items():
        query = query.replace(f"{{{name}}}", written)
    return run.spark.sql(query, **frames)


def write_value(value: str | int | None) -> str:
    """A value as SQL has it."""
    return "NULL" if value is None else quote(value) if isinstance(value, str) else str(value)


def name_all(run: Run) -> dict[str, str]:
    """Tables and views of the queries here, as the session knows them."""
    filtered = run.warehouse.schema("filtered")
    return {
        **name_tables(run.warehouse),
        "SIMILARITY": f"{filtered}.style_similarity",
        "OPENINGS": f"{filtered}.openings",
    }
