"""Another engine at work. `run.py` runs this in the peers' own environment, a process for each reading.

    peer.py duckdb|clickhouse THREADS QUERY [DATABASE]
    peer.py load THREADS STATEMENTS DATABASE

A query runs once to warm the engine up, then once under the clock. One line of JSON goes to standard output: the wall
and CPU seconds of that second run alone, the rows of the answer, and the engine's version. `load` makes a database
file of DuckDB, and gives the engine's version and nothing else: its whole process is what is read.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

Row = list[int | str]


def duckdb_query(threads: int, query: str, database: str) -> tuple[str, Callable[[], list[Row]]]:
    """The engine's version and a call that runs the query."""
    import duckdb

    connection = duckdb.connect(database or ":memory:", read_only=bool(database), config={"threads": threads})
    connection.execute("SET TimeZone = 'UTC'")
    return f"DuckDB {duckdb.__version__}", lambda: connection.execute(query).fetchall()


def clickhouse_query(threads: int, query: str, _database: str) -> tuple[str, Callable[[], list[Row]]]:
    """The engine's version and a call that runs the query."""
    import chdb

    # One connection for both runs: opening one for each would be counted.
    connection = chdb.connect(":memory:")
    connection.query(f"SET max_threads = {threads}")
    connection.query("SET output_format_json_quote_64bit_integers = 0")

    def run() -> list[Row]:
        answer = connection.query(query, "JSONCompactEachRow").bytes()
        return [json.loads(line) for line in answer.splitlines()]

    return f"ClickHouse {chdb.engine_version} (chdb {chdb.__version__})", run


ENGINES = {"duckdb": duckdb_query, "clickhouse": clickhouse_query}


def load(threads: int, statements: str, database: str) -> dict[str, str]:
    """Makes a new database file."""
    import duckdb

    for path in (Path(database), Path(f"{database}.wal")):
        path.unlink(missing_ok=True)
    connection = duckdb.connect(database, config={"threads": threads})
    connection.execute("SET enable_progress_bar = false")
    connection.execute(statements)
    connection.close()
    return {"version": f"DuckDB {duckdb.__version__}"}


def cpu_seconds() -> float:
    """What all threads of this process have used until now."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def race(engine: str, threads: int, query: str, database: str) -> dict[str, object]:
    version, run = ENGINES[engine](threads, query, database)
    run()
    cpu, wall = cpu_seconds(), time.perf_counter()
    rows = run()
    wall, cpu = time.perf_counter() - wall, cpu_seconds() - cpu
    cells = [[cell if isinstance(cell, str) else int(cell) for cell in row] for row in rows]
    return {"version": version, "wall": wall, "cpu": cpu, "rows": cells}


def main() -> None:
    what, threads, text, *database = sys.argv[1:]
    if what == "load":
        answer: object = load(int(threads), text, database[0])
    else:
        answer = race(what, int(threads), text, database[0] if database else "")
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
