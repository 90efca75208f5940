"""The page of results: Markdown, and what its tables share."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from billion import Billion
from contest import Contestant
from measure import machine
from prepare import ROWS_PER_CUSTOMER, Made
from questions import ALL
from targets import Target


@dataclass
class Setting:
    """What the readings were taken on, and what was made for them."""

    rows: int
    rounds: int
    threads: int
    load: float
    others: float
    events: Path
    history: Made | None
    table: Made | None


def seconds(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}"


def times(value: float, base: float) -> str:
    ratio = value / base
    decimals = 0 if ratio >= 10 else 1 if ratio >= 1 else 2
    return f"{ratio:.{decimals}f}×"


def mebibytes(value: int) -> str:
    return f"{value / 2**20:,.1f} MiB"


def table_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def target_table(targets: list[Target]) -> list[str]:
    return [
        "| work | target | stretch | wall | CPU | reached | against |",
        "|---|--:|--:|--:|--:|---|---|",
        *(table_row(target.cells()) for target in targets),
    ]


def readings_table(contestants: list[Contestant]) -> list[str]:
    lines = ["| question | engine | data | wall s | CPU s | peak memory |", "|---|---|---|--:|--:|--:|"]
    for one in contestants:
        walls = [reading.wall for reading in one.readings]
        lines.append(
            table_row(
                [
                    one.question,
                    f"{one.engine} {one.form}".strip().replace("|", "\\|"),
                    one.data,
                    f"{seconds(one.wall)} ({seconds(min(walls))}–{seconds(max(walls))})",
                    seconds(one.cpu),
                    mebibytes(one.peak_bytes) if one.peak_bytes else "–",
                ]
            )
        )
    return lines


def beaten_forms(beaten: list[Contestant]) -> list[str]:
    if not beaten:
        return []
    shown = "; ".join(
        f"{one.engine} {one.question} {one.form} on {one.data}: {seconds(one.trial.wall)} s wall,"
        f" {seconds(one.trial.cpu)} s CPU"
        for one in beaten
    )
    return [f"Slower forms of the peers' queries, tried once and left out above: {shown}.", ""]


def costs(setting: Setting) -> list[str]:
    """What the forms of the data cost that are not the raw file."""
    made = [
        ("tenure ingest, history", setting.history),
        ("DuckDB, own table sorted by customer and time", setting.table),
    ]
    if not any(form for _, form in made):
        return []
    lines = [
        "## What a history costs",
        "",
        "Paid once, by the whole process, from the raw Parquet.",
        "",
        "| | wall s | CPU s | peak memory | bytes |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, form in made:
        if form:
            cost = form.cost
            lines.append(
                table_row(
                    [name, seconds(cost.wall), seconds(cost.cpu), mebibytes(cost.peak_bytes), mebibytes(form.bytes)]
                )
            )
    raw = mebibytes(setting.events.stat().st_size)
    return [*lines, table_row(["the raw Parquet (zstd)", "–", "–", "–", raw]), ""]


def billion_lines(billion: Billion) -> list[str]:
    cost = billion.generated
    return [
        f"## {billion.rows:,} rows",
        "",
        f"`tenure generate` wrote the history in {seconds(cost.wall)} s ({seconds(cost.cpu)} s of CPU) with"
        f" {mebibytes(cost.peak_bytes)} of memory; it takes {mebibytes(billion.history_bytes)}, and"
        f" {mebibytes(billion.disk_bytes)} of disk were taken at the most. Others used {billion.others:.2f} cores"
        " during its rounds.",
        "",
        *readings_table([billion.large, billion.small]),
        "",
    ]


def page(
    targets: list[Target],
    contestants: list[Contestant],
    beaten: list[Contestant],
    billion: Billion | None,
    setting: Setting,
) -> str:
    questions = "; ".join(f"{question.name.upper()}: {question.title}" for question in ALL)
    everybody = [*contestants, *([billion.large] if billion else [])]
    versions = list(dict.fromkeys(one.version for one in everybody))
    others = f"; others used {setting.others:.2f} cores during the rounds" if contestants else ""
    lines = [
        "# tenure's questions beside other engines",
        "",
        f"{setting.rows:,} events of {setting.rows // ROWS_PER_CUSTOMER:,} customers over 36 months. All answers were"
        " the same in every cell, in every round. [README.md](README.md) says what is asked, and what is counted for"
        " whom.",
        "",
        f"{questions}.",
        "",
        "Ratios are of medians. “≥” is how many times longer the best peer takes than tenure, wall and CPU each by the"
        " peer that is best in it; “≤” is how many times longer tenure takes than on what the last column names.",
        "",
        *target_table(targets),
        "",
    ]
    if setting.rows != 100_000_000:
        lines += ["The targets are those for 100,000,000 rows.", ""]
    if contestants:
        lines += [
            "## Readings",
            "",
            "Medians, with the least and the most of wall time in brackets; peak memory is that of the whole process.",
            "",
            *readings_table(contestants),
            "",
        ]
    lines += beaten_forms(beaten)
    lines += costs(setting)
    if billion:
        lines += billion_lines(billion)
    lines += [
        "## Setting",
        "",
        f"- Date: {time.strftime('%Y-%m-%d')}",
        f"- Machine: {machine()}",
        f"- Threads of each engine: {setting.threads}",
        f"- Load: {setting.load:.2f} before the start{others}",
        f"- Versions: {', '.join(versions)}",
        f"- Rounds: {setting.rounds}",
        "",
    ]
    return "\n".join(lines)
