"""Views: what people query, derived from the tables, never stored."""

from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True)
class View:
    """One declared view; `columns` are those that it shows of its query, with their comments."""

    layer: str
    name: str
    comment: str
    columns: Mapping[str, str]
    query: str

    def create_statement(self, schema: str, names: Mapping[str, str]) -> str:
        """The SQL that makes it in a schema, over tables of these names."""
        described = (f"{name} COMMENT {quote(meaning)}" for name, meaning in self.columns.items())
        return (
            f"CREATE OR REPLACE VIEW {schema}.{self.name} ({', '.join(described)}) "
            f"COMMENT {quote(self.comment)} "
            f"AS SELECT {', '.join(self.columns)} FROM ({self.query.format(**names)})"
        )


def open_views(warehouse: Warehouse) -> None:
    """Name all views in the session."""
    names = name_tables(warehouse)
    names["MEASURED"] = MEASURED.format(**names)
    names["SIMILARITY"] = similarity_sql("a.signature", "b.signature")
    for view in VIEWS:
        warehouse.spark.sql(view.create_statement(warehouse.schema(view.layer), names))


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

VIEWS = (
    View(
        "synthetic",
        "dialogues",
        "One row per dialogue of a page that counts: its first ok attempt, else the latest.",
        {name: meaning for name, _, meaning in ATTEMPTS.columns},
        """
        SELECT * FROM (
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
    View(
        "filtered",
        "style_similarity",
        "How alike the dialogues of one chunk and model are by two styles; near 1: no difference.",
        {
            "model": "The generator",
            "style": "One style",
            "other_style": "The other, later in the alphabet",
            "pairs": "Chunks that have a dialogue in both",
            "similarity": "Word grams in common, 0 to 1: mean of the pairs",
            "most": "The pair that is most alike",
            "share_alike": "Part of the pairs that share half of their grams or more",
        },
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
    View(
        "filtered",
        "openings",
        "How the accepted dialogues of each style and model begin: their first four spoken words.",
        {
            "style": "The style",
            "model": "The generator",
            "dialogues": "Accepted dialogues that begin with words",
            "openings": "Beginnings among them that differ",
            "diversity": "Openings per dialogue; 1: no two begin alike",
            "commonest": "The opening that most of them have",
            "its_share": "Part of the dialogues that have it",
        },
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
    View(
        "ops",
        "progress",
        "How far each style and generator has come, beside the chunks that there are to ask about.",
        {
            "style": "The style",
            "model": "The generator",
            "spec_id": "The exact way of asking (ops.specs)",
            "dialogues": "Dialogues that count, whatever became of them",
            "ok": "Of these, ended by the model itself",
            "length": "Of these, ended by the token limit",
            "failed": "Of these, without a text (ops.failures)",
            "chunks_asked": "Chunks that they are about",
            "chunks": "Chunks of the newest chunker that may be asked about",
            "output_tokens": "Tokens out",
            "newest": "When the last of them ended",
        },
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
    View(
        "ops",
        "failures",
        "Dialogues that have no text, by style, status and kind of error, with an example.",
        {
            "style": "The style",
            "status": "What became of them",
            "error_class": "Kind of error; null if none",
            "dialogues": "Dialogues that ended so",
            "newest_message": "The words of the last such error",
            "newest": "When that was",
            "newest_run": "Its run (ops.runs)",
        },
        """
        SELECT style, status, error_class, count(*) AS dialogues,
               max_by(error_message, created_at) AS newest_message,
               max(created_at) AS newest, max_by(run_id, created_at) AS newest_run
        FROM {ANSWERS}
        WHERE status NOT IN ('ok', 'length')
        GROUP BY style, status, error_class
        """,
    ),
    View(
        "ops",
        "cost",
        "What each run of generate took, and what a million accepted tokens of it cost.",
        {
            "run_id": "The run of generate (ops.runs)",
            "status": "done or failed; null while it runs",
            "started_at": "When its first wave began",
            "waves": "Waves committed",
            "dialogues": "Rows committed",
            "requests": "Requests made for them, retries included",
            "prompt_tokens": "Tokens in",
            "cached_tokens": "Of these, from the prefix cache",
            "output_tokens": "Tokens out",
            "accepted_tokens": "Of these, in dialogues of the corpus; null if none are",
            "hours": "Hours that its waves took",
            "gpu_hours": "The same times their GPUs",
            "cost": "Money for GPUs and tokens at the prices of [cost]",
            "cost_per_million_tokens": "Money for a million tokens out",
            "cost_per_million_accepted": "Money for a million of those in the corpus",
        },
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
)
