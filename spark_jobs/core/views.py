"""Views: what people query, derived from the tables, never stored."""

from spark_jobs.core.duplicates import similarity_sql
from spark_jobs.core.tables import (
    ATTEMPTS,
    CHUNK_VERDICTS,
    CHUNKS,
    DIALOGUES,
    DOCUMENTS,
    DUPLICATES,
    RUNS,
    SPECS,
    VERDICTS,
    WAVES,
    WITHDRAWN,
    Table,
    Warehouse,
    quote,
)


def open_views(warehouse: Warehouse) -> None:
    """Name all views in the session."""
    for (layer, name), (comment, query) in VIEWS.items():
        names = name_tables(warehouse)
        names["MEASURED"] = MEASURED.format(**names)
        names["SIMILARITY"] = similarity_sql("a.signature", "b.signature")
        warehouse.spark.sql(
            f"CREATE OR REPLACE VIEW {warehouse.schema(layer)}.{name} COMMENT {quote(comment)} "
            f"AS {query.format(**names)}"
        )


def name_tables(warehouse: Warehouse) -> dict[str, str]:
    """The names of tables in SQL by those in capitals that queries here have; ANSWERS are the
    dialogues that count.
    """
    names = {table.name.upper(): warehouse.name(table) for table in NAMED}
    return {**names, "ANSWERS": f"{warehouse.schema('synthetic')}.dialogues"}


NAMED: tuple[Table, ...] = (
    *(ATTEMPTS, CHUNKS, CHUNK_VERDICTS, DIALOGUES, DOCUMENTS, DUPLICATES),
    *(RUNS, SPECS, VERDICTS, WAVES, WITHDRAWN),
)

# The dialogues of the corpus with what the checks measured of them and who wrote them.
MEASURED = """(
          SELECT d.slice, d.chunk_id, d.sample, d.style, v.signature, v.metrics, s.model,
                 struct(s.model_revision, s.quantisation, s.sampling) AS version
          FROM {DIALOGUES} d
          JOIN {VERDICTS} v ON d.slice = v.slice AND d.gen_key = v.gen_key
            AND d.attempt = v.attempt AND d.wave_id = v.wave_id AND d.rules_id = v.rules_id
          JOIN {SPECS} s ON d.spec_id = s.spec_id
        )"""

VIEWS = {
    ("synthetic", "dialogues"): (
        "One row per dialogue of a page that counts: its first ok attempt, else the latest.",
        """
        SELECT * EXCEPT (place) FROM (
          SELECT *, row_number() OVER (
            -- With all four in the window, filters on them reach the files.
            PARTITION BY slice, style, bucket, gen_key
            ORDER BY status = 'ok' DESC,
                     CASE WHEN status = 'ok' THEN created_at END ASC,
                     created_at DESC, wave_id
          ) AS place
          FROM {ATTEMPTS}
        ) a LEFT ANTI JOIN (SELECT doc_id FROM {WITHDRAWN} WHERE doc_id IS NOT NULL) w
          ON a.doc_id = w.doc_id
        WHERE place = 1
        """,
    ),
    ("filtered", "style_similarity"): (
        "How alike the dialogues of one chunk and model are by two styles; near 1: no difference.",
        """
        WITH signed AS (SELECT * FROM {MEASURED} WHERE signature IS NOT NULL)
        SELECT a.model, a.style, b.style AS other_style, count(*) AS pairs,
               avg(similarity) AS similarity, max(similarity) AS most,
               count_if(similarity >= 0.5) / count(*) AS share_alike
        FROM signed a JOIN signed b
          ON a.slice = b.slice AND a.chunk_id = b.chunk_id AND a.sample = b.sample
          AND a.model = b.model AND a.version = b.version AND a.style < b.style,
        LATERAL (SELECT {SIMILARITY} AS similarity)
        GROUP BY a.model, a.style, b.style
        """,
    ),
    ("filtered", "openings"): (
        "How the accepted dialogues of each style and model begin: their first four spoken words.",
        """
        SELECT style, model, sum(n) AS dialogues, count(*) AS openings,
               count(*) / sum(n) AS diversity,
               max_by(opening, struct(n, opening)) AS commonest, max(n) / sum(n) AS its_share
        FROM (
          SELECT style, model, metrics.opening AS opening, count(*) AS n
          FROM {MEASURED} WHERE metrics.opening <> ''
          GROUP BY style, model, metrics.opening
        )
        GROUP BY style, model
        """,
    ),
    ("ops", "progress"): (
        "How far each style and generator has come, beside the chunks that there are to ask about.",
        """
        SELECT s.style, s.model, s.spec_id,
               count(*) AS dialogues,
               count_if(d.status = 'ok') AS ok,
               count_if(d.status = 'length') AS length,
               count_if(d.status NOT IN ('ok', 'length')) AS failed,
               count(DISTINCT d.chunk_id) AS chunks_asked,
               any_value(c.chunks) AS chunks,
               sum(d.completion_tokens) AS output_tokens,
               max(d.created_at) AS newest
        FROM {ANSWERS} d
        JOIN {SPECS} s ON d.spec_id = s.spec_id
        CROSS JOIN (
          SELECT count(*) AS chunks FROM {CHUNKS} k
          LEFT ANTI JOIN {WITHDRAWN} w ON k.doc_id = w.doc_id
          LEFT ANTI JOIN (
            SELECT chunk_id FROM {CHUNK_VERDICTS} WHERE NOT accepted
            AND rules_id = (SELECT max_by(rules_id, judged_at) FROM {CHUNK_VERDICTS})
          ) r ON k.chunk_id = r.chunk_id
          WHERE chunker_id = (SELECT max_by(chunker_id, created_at) FROM {CHUNKS})
        ) c
        GROUP BY s.style, s.model, s.spec_id
        """,
    ),
    ("ops", "failures"): (
        "Dialogues that have no text, by style, status and kind of error, with an example.",
        """
        SELECT style, status, error_class, count(*) AS dialogues,
               max_by(error_message, created_at) AS newest_message,
               max(created_at) AS newest, max_by(run_id, created_at) AS newest_run
        FROM {ANSWERS}
        WHERE status NOT IN ('ok', 'length')
        GROUP BY style, status, error_class
        """,
    ),
    ("ops", "cost"): (
        "What each run of generate took, and what a million accepted tokens of it cost.",
        """
        SELECT w.run_id, any_value(r.status) AS status, min(w.launched_at) AS started_at,
               count(*) AS waves, sum(w.dialogues) AS dialogues, sum(w.requests) AS requests,
               sum(w.prompt_tokens) AS prompt_tokens, sum(w.cached_tokens) AS cached_tokens,
               sum(w.completion_tokens) AS output_tokens,
               sum(a.accepted_tokens) AS accepted_tokens,
               sum(w.seconds) / 3600 AS hours, sum(w.gpu_seconds) / 3600 AS gpu_hours,
               sum(w.cost) AS cost,
               sum(w.cost) / sum(w.completion_tokens) * 1e6 AS cost_per_million_tokens,
               sum(w.cost) / sum(a.accepted_tokens) * 1e6 AS cost_per_million_accepted
        FROM {WAVES} w
        LEFT JOIN {RUNS} r ON w.run_id = r.run_id
        LEFT JOIN (
          SELECT wave_id, sum(completion_tokens) AS accepted_tokens
          FROM {DIALOGUES} GROUP BY wave_id
        ) a ON w.wave_id = a.wave_id
        GROUP BY w.run_id
        """,
    ),
}
