"""Opens tenure's workbooks with openpyxl: kinds, formats, frozen headings, definitions, and that nothing is a formula."""

import datetime
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import openpyxl

TENURE = os.environ["TENURE"]
SAMPLE = Path(__file__).parent.parent / "data" / "sample"
FORMULA = "=cmd|' /C calc'!A0"


def tenure(*args: str | Path) -> str:
    done = subprocess.run([TENURE, "-q", *map(str, args)], check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def check(holds: bool, what: str) -> None:
    if not holds:
        sys.exit(f"not so: {what}")
    print(f"ok: {what}")


def opened(path: Path) -> openpyxl.Workbook:
    """A workbook without formulas, whose last sheet says what the numbers mean."""
    book = openpyxl.load_workbook(path)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    check(all(cell.data_type != "f" for cell in cells), f"{path.name}: no formula in {len(cells)} cells")
    rules = {row[0]: row[1] for row in book["Definitions"].iter_rows(min_row=2, values_only=True)}
    check(book.sheetnames[-1] == "Definitions" and bool(rules["in words"]), f"{path.name}: says what it means")
    check(book.properties.created == datetime.datetime(2000, 1, 1), f"{path.name}: made at no particular time")
    return book


def check_matrix(history: Path, folder: Path) -> None:
    path = folder / "matrix.xlsx"
    tenure("retention", history, "--wide", "-o", path)
    expected = json.loads(tenure("retention", history, "--format", "json"))
    book = opened(path)
    sheet = book["Retention"]
    check(sheet.freeze_panes == "C2", "the heading, cohorts and sizes stay in view")
    rows = list(sheet.iter_rows(min_row=2))
    for row, cohort in zip(rows, expected["cohorts"]):
        if row[0].value.date().isoformat() != cohort["cohort"] or row[1].value != cohort["size"]:
            sys.exit(f"not so: {cohort['cohort']} is {row[0].value}, {row[1].value}")
        for cell, value in zip(row[2:], cohort["cells"]):
            wanted = value["rate"] if value["state"] == "complete" else value["provisional_rate"]
            if value["state"] == "in_progress" and wanted is None:
                wanted = value["retained"] / cohort["size"]
            mark = '0.0%"*"' if value["state"] == "in_progress" else "0.0%"
            if wanted is None and cell.value is not None or wanted is not None and (abs(cell.value - wanted) > 1e-12 or cell.number_format != mark):
                sys.exit(f"not so: {cell.coordinate} is {cell.value} as {cell.number_format}, not {value}")
    check(len(rows) == len(expected["cohorts"]) + 1, f"{len(expected['cohorts'])} cohorts and the summary are those of the JSON result")
    check(len(sheet.conditional_formatting) == 1, "complete cells have a scale of colours")
    rules = {row[0]: row[1] for row in book["Definitions"].iter_rows(min_row=2, values_only=True)}
    for name, value in expected["definition"].items():
        shown = ", ".join(value) if isinstance(value, list) else value
        if (rules[name] or None) != (shown or None):
            sys.exit(f"not so: {name} is {rules[name]}, not {shown}")
    check(True, f"all {len(expected['definition'])} fields of the definition are there")


def check_figures(history: Path, folder: Path) -> None:
    path = folder / "revenue.xlsx"
    tenure("revenue", history, "-o", path)
    sheet = opened(path)["Recurring revenue"]
    heads = [cell.value for cell in sheet[1]]
    by_name = dict(zip(heads, sheet[2]))
    check(isinstance(by_name["period"].value, datetime.datetime) and by_name["period"].number_format == "yyyy-mm-dd", "dates are dates")
    check(by_name["opening"].number_format == "#,##0.00####" and by_name["closing"].value == 163, "amounts are numbers with decimals")
    check(by_name["gross_revenue_retention"].number_format in ("General", "0.0%"), "shares are percent")
    path = folder / "metrics.xlsx"
    tenure("metrics", history, "--active-within", "90d", "-o", path)
    check(opened(path).sheetnames == ["Metrics", "By period", "Definitions"], "metrics row by row and period by period")


def check_names(folder: Path) -> None:
    export = folder / "names.csv"
    export.write_text(f'customer_id,created_at,country\n"{FORMULA}",2024-01-05,"{FORMULA}"\n+1+1,2024-02-05,@SUM(A1)\n')
    path = folder / "names.xlsx"
    tenure("retention", export, "--by", "country", "-o", path)
    values = [cell.value for cell in opened(path)["Retention"]["B"]]
    check(FORMULA in values and "@SUM(A1)" in values, "names that look like formulas are texts")
    path = folder / "members.xlsx"
    tenure("members", export, "--in-cohort", "2024-01-01", "--in-age", "0", "-o", path)
    sheet = opened(path)["Members"]
    check(sheet["A2"].value == FORMULA and sheet["A2"].data_type == "s", "so are customers")
    check(isinstance(sheet["C2"].value, datetime.datetime), "instants are dates with a time")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        history = folder / "history"
        tenure("ingest", SAMPLE / "events.csv", "--into", history, "--value", "amount", "--attribute", "country", "plan")
        tenure("ingest", SAMPLE / "subscriptions.csv", "--into", history, "--table", "subscriptions")
        check_matrix(history, folder)
        check_figures(history, folder)
        check_names(folder)


main()
