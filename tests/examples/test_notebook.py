"""The example notebook runs from a clean state, and holds no outputs."""

import shutil
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[2] / "examples"
NAME = "notebook/countries.ipynb"


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path) -> None:
    for name in ("countries", "notebook"):
        shutil.copytree(EXAMPLES / name, tmp_path / "examples" / name)
    notebook = nbformat.read(tmp_path / "examples" / NAME, as_version=4)
    place = {"metadata": {"path": str(tmp_path / "examples" / "notebook")}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place).execute()
    shown = "\n".join(
        str(output.get("text") or output["data"])
        for cell in notebook.cells
        for output in cell.get("outputs", ())
    )
    for expected in (
        "397 links",
        "20 of 40 rows",
        "was linked with Finlande",
        "precision 0.992",
        "(397, True)",
    ):
        assert expected in shown
    assert "Traceback" not in shown


def test_the_notebook_has_no_outputs() -> None:
    notebook = nbformat.read(EXAMPLES / NAME, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
