"""What has to be there before anything is read: the binary, the peers, the data in the forms that are asked."""

import hashlib
import json
import os
import shutil
import string
import subprocess
import venv
from dataclasses import asdict, dataclass
from pathlib import Path

from measure import BenchError, Command, ProcessReading, measure, need_disk, say, size

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
REQUIREMENTS = HERE / "requirements.txt"

ROWS_PER_CUSTOMER = 20
MAPPING = ["--customer", "user_id", "--time", "event_time", "--value", "amount", "--attribute", "country", "plan"]

# Bytes of disk for each row, with room to spare, scratch included.
EVENTS_BYTES = 35
HISTORY_BYTES = 35
TABLE_BYTES = 60


@dataclass(frozen=True)
class Made:
    """A form of the data, and what making it cost."""

    path: Path
    cost: ProcessReading
    bytes: int


def target_directory() -> Path:
    return (REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target")).resolve()


def build_tenure() -> Path:
    """The release binary of this repository, built if need be."""
    say("building tenure")
    try:
        subprocess.run(["cargo", "build", "--release"], cwd=REPOSITORY, check=True)
    except OSError as error:
        raise BenchError(f"can't run cargo: {error.strerror}; --tenure PATH takes a binary that is there") from error
    except subprocess.CalledProcessError as error:
        raise BenchError("cargo build --release failed") from error
    return target_directory() / "release" / "tenure"


def peers_python(cache: Path) -> Path:
    """The Python of an environment that holds the peers in their pinned versions, made if need be."""
    environment = cache / "venv"
    python = environment / "bin" / "python"
    installed = environment / "requirements.txt"
    if installed.is_file() and installed.read_text() == REQUIREMENTS.read_text():
        return python
    say("installing the peers")
    venv.create(environment, clear=True, with_pip=True)
    pip: Command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", REQUIREMENTS]
    if subprocess.run(pip).returncode != 0:
        raise BenchError("the peers can't be installed: see pip's message above")
    shutil.copyfile(REQUIREMENTS, installed)
    return python


def generate(tenure: Path, rows: int, events: Path) -> None:
    """Writes the events, unless they are there from an earlier run."""
    if events.exists():
        return
    need_disk(events.parent, rows * EVENTS_BYTES, f"{rows:,} events")
    say(f"generating {rows:,} events")
    unfinished = events.with_name("unfinished" + events.suffix)
    customers = str(rows // ROWS_PER_CUSTOMER)
    measure([tenure, "generate", "--customers", customers, "--events", str(rows), "--seed", "1", "-o", unfinished])
    unfinished.rename(events)


def ingest(tenure: Path, threads: int, rows: int, events: Path, history: Path) -> Made:
    """Makes a new history of the events."""
    shutil.rmtree(history, ignore_errors=True)
    need_disk(history.parent, rows * HISTORY_BYTES, f"a history of {rows:,} rows and its scratch")
    say("ingesting")
    cost, _ = measure([tenure, "ingest", events, "--into", history, *MAPPING, "--threads", str(threads), "-q"])
    return Made(history, cost, size(history))


def quoted(path: Path) -> str:
    """A file's name as SQL has texts."""
    return "'" + str(path).replace("'", "''") + "'"


def load_table(python: Path, threads: int, rows: int, events: Path, database: Path) -> Made:
    """Makes DuckDB's own table of the events, unless it is there from an earlier run of the same."""
    statements = string.Template((HERE / "sql" / "duckdb_load.sql").read_text()).substitute(events=quoted(events))
    made_of = f"{statements}{REQUIREMENTS.read_text()}{events.stat().st_size}{events.stat().st_mtime_ns}{threads}"
    key = hashlib.sha256(made_of.encode()).hexdigest()
    note = database.with_suffix(".json")
    if note.is_file() and database.is_file():
        kept = json.loads(note.read_text())
        if kept.pop("key") == key:
            return Made(database, ProcessReading(**kept), database.stat().st_size)
    note.unlink(missing_ok=True)
    database.unlink(missing_ok=True)
    need_disk(database.parent, rows * TABLE_BYTES, f"DuckDB's table of {rows:,} rows and its scratch")
    say("loading DuckDB's own table")
    cost, _ = measure([python, HERE / "peer.py", "load", str(threads), statements, database])
    note.write_text(json.dumps({"key": key, **asdict(cost)}))
    return Made(database, cost, database.stat().st_size)
