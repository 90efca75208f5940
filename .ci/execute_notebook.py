"""Executes a notebook from top to bottom, in its own folder; any error in a cell is an error here. Writes nothing."""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

CELL_SECONDS = 300


def main() -> None:
    path = Path(sys.argv[1])
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=CELL_SECONDS, resources={"metadata": {"path": str(path.parent)}})
    client.execute()
    cells = sum(1 for cell in notebook.cells if cell.cell_type == "code")
    print(f"{path}: {cells} cells executed")


main()
