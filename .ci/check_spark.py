"""Reads star schemas in Spark: types, partitions, a join, and retention by SQL over the rows."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from pyspark.sql import SparkSession

TENURE = os.environ["TENURE"]
SAMPLE = Path(__file__).parent.parent / "data" / "sample"
SPARK = {"int64": "bigint", "float64": "double", "utf8": "string", "bool": "boolean", "date32": "date", "timestamp[us, UTC]": "timestamp"}

RETENTION_SQL = """
select cohort, cast(months_between(trunc(date, 'MM'), cohort) as bigint) as age, count(distinct customer_key) as retained
from fact_activity join dim_customer using (customer_key) group by 1, 2 order by 1, 2
"""


def tenure(*args: str | Path) -> None:
    subprocess.run([TENURE, "-q", *map(str, args)], check=True, stdout=subprocess.DEVNULL)


def check(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(f"not so: {what}")
    print(f"ok: {what}")


def main() -> None:
    builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.sql.session.timeZone", "UTC")
    # A month is a text, which Spark would else guess to be something else.
    spark = builder.config("spark.sql.sources.partitionColumnTypeInference.enabled", "false").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        history = folder / "history"
        tenure("ingest", SAMPLE / "events.csv", "--into", history, "--value", "amount", "--attribute", "country", "plan")
        for args in [[], ["--partition", "month"]]:
            export = folder / ("months" if args else "star")
            tenure("export", history, "--to", export, *args)
            for table in json.loads((export / "schema.json").read_text())["tables"]:
                single = export / f"{table['name']}.parquet"
                frame = spark.read.parquet(str(single if single.exists() else export / table["name"]))
                found = {column: kind for column, kind in frame.dtypes if column != "year_month" or single.exists()}
                wanted = {column["name"]: SPARK.get(column["type"]) or column["type"].replace(" ", "") for column in table["columns"]}
                if found != wanted or frame.count() != table["rows"]:
                    sys.exit(f"not so: Spark reads {table['name']} as {found}, {frame.count()} rows, not {wanted}, {table['rows']} rows")
                frame.createOrReplaceTempView(table["name"])
            check(True, f"{export.name}: Spark reads every table with the types of the dictionary")
            expected = spark.sql(RETENTION_SQL).collect()
            found = spark.sql("select cohort, age, retained from fact_retention where retained > 0 order by 1, 2").collect()
            check(found == expected and len(found) > 50, f"{export.name}: Spark counts the same {len(found)} cells")
    spark.stop()


main()
