"""Views: what people query, derived from the tables, never stored."""

from spark_jobs.core.tables import ATTEMPTS, Warehouse


def open_views(warehouse: Warehouse) -> None:
    """Name all views in the session."""
    synthetic = warehouse.schema("synthetic")
    warehouse.spark.sql(
        f"""
        CREATE OR REPLACE VIEW {synthetic}.dialogues
        COMMENT 'One row per dialogue: the attempt that counts, first ok, else the latest.'
        AS SELECT * EXCEPT (place) FROM (
          SELECT *, row_number() OVER (
            -- With all four in the window, filters on them reach the files.
            PARTITION BY slice, style, bucket, gen_key
            ORDER BY status = 'ok' DESC,
                     CASE WHEN status = 'ok' THEN created_at END ASC,
                     created_at DESC, wave_id
          ) AS place
          FROM {warehouse.name(ATTEMPTS)}
        ) WHERE place = 1
        """
    )
