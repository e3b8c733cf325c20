"""What a notebook asks the tables with, in Jupyter on a laptop as on Databricks."""

import os
from typing import TYPE_CHECKING, Any

from spark_jobs.core.console import say
from spark_jobs.core.runs import Run
from spark_jobs.core.session import DATABRICKS, open_session
from spark_jobs.core.settings import load_settings
from spark_jobs.core.tables import LAYERS
from spark_jobs.sql import check_there

if TYPE_CHECKING:
    import pandas as pd


class Tables:
    """The tables of a warehouse; on Databricks those of its catalog, elsewhere those under `root`.

    Without a root it is the local target's. Raises JobError where there are none.
    """

    def __init__(self, root: str = "") -> None:
        target = "databricks" if DATABRICKS in os.environ else "local"
        settings = load_settings(target, assignments=[f"tables.root={root}"] if root else [])
        self._run = Run("sql", settings, open_session(settings, "sql"))
        check_there(self._run)
        self._layers = {layer: self._run.warehouse.schema(layer) for layer in LAYERS}

    def ask(self, query: str) -> "pd.DataFrame":
        """The rows of a query, which says `{raw}.documents` and so on; all of them in memory."""
        return self._run.spark.sql(query.format(**self._layers)).toPandas()

    def plot(self, query: str, title: str, **options: Any) -> "pd.DataFrame":
        """The rows of a query, drawn as horizontal bars by its first column; and themselves.

        `options` are those of `DataFrame.plot`. Of nothing there is no picture.
        """
        rows = self.ask(query)
        if rows.empty:
            say(f"{title}: nothing")
            return rows
        bars = {"kind": "barh", "x": rows.columns[0], "title": title, "xlabel": "", "ylabel": ""}
        options = {**bars, **options}
        axes = rows.plot(**options)
        if options["kind"] == "barh":
            # The first row on top.
            axes.invert_yaxis()
        return rows
