"""Measures one query in another engine. `run.py` runs this in its own environment, a process for each reading.

    peer.py duckdb|clickhouse THREADS QUERY

The query runs once to warm the engine up, then once under the clock. One line of JSON goes to standard output: the
wall and CPU seconds of that second run alone, the rows of the answer, and the engine's version.
"""

import json
import resource
import sys
import time
from collections.abc import Callable

Row = tuple[int, ...]


def duckdb_query(query: str, threads: int) -> tuple[str, Callable[[], list[Row]]]:
    """The engine's version and a call that runs the query."""
    import duckdb

    connection = duckdb.connect(config={"threads": threads})
    return f"DuckDB {duckdb.__version__}", lambda: connection.execute(query).fetchall()


def clickhouse_query(query: str, threads: int) -> tuple[str, Callable[[], list[Row]]]:
    """The engine's version and a call that runs the query."""
    import chdb

    def run() -> list[Row]:
        answer = chdb.query(f"{query} SETTINGS max_threads = {threads}", "CSV").data()
        return [tuple(int(cell) for cell in line.split(",")) for line in answer.splitlines()]

    return f"ClickHouse {chdb.engine_version} (chdb {chdb.__version__})", run


ENGINES = {"duckdb": duckdb_query, "clickhouse": clickhouse_query}


def cpu_seconds() -> float:
    """What all threads of this process have used until now."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    engine, threads, query = sys.argv[1:]
    version, run = ENGINES[engine](query, int(threads))
    run()
    cpu, wall = cpu_seconds(), time.perf_counter()
    rows = run()
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    json.dump(
        {"version": version, "wall": wall, "cpu": cpu, "rows": [[int(cell) for cell in row] for row in rows]},
        sys.stdout,
    )


if __name__ == "__main__":
    main()
