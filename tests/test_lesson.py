"""docs/lesson.ipynb, the lesson as a notebook, runs from its first cell to its last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbclient is not installed: pip install nbclient ipykernel")
nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed: pip install nbclient ipykernel")
pytest.importorskip("ipykernel")
pytest.importorskip("ipywidgets")

LESSON = Path(__file__).parent.parent / "docs" / "lesson.ipynb"

if not LESSON.exists():
    pytest.skip("the pages are not here: this is no checkout", allow_module_level=True)


@pytest.fixture(scope="module")
def written() -> Any:
    return nbformat.read(LESSON, as_version=4)


def html_of(cell: Any) -> str:
    return "".join(output.get("data", {}).get("text/html", "") for output in cell.outputs)


def test_the_lesson_is_kept_without_results(written: Any) -> None:
    """A reader is asked before they see an answer, and a change of the lesson is a change of a few lines."""
    cells = [cell for cell in written.cells if cell.cell_type == "code"]
    assert [cell.source for cell in cells if cell.outputs or cell.execution_count] == []


def test_every_cell_of_the_lesson_runs_and_shows_what_it_promises(written: Any, tmp_path: Path) -> None:
    resources = {"metadata": {"path": str(tmp_path)}}
    done = nbclient.NotebookClient(written.copy(), timeout=120, kernel_name="python3", resources=resources).execute()
    cells = [cell for cell in done.cells if cell.cell_type == "code"]
    assert [
        cell.source
        for cell in cells
        if any(output.output_type == "stream" and output.name == "stderr" for output in cell.outputs)
    ] == []
    shown = {cell.source: html_of(cell) for cell in cells}
    ranking = shown[next(source for source in shown if "rank_cells" in source)]
    assert "0.472" in shown["explain([0.3, 0.5, 0.2], [1.2])"]
    assert "cell 2.22" in shown[next(source for source in shown if 'with_heat("cell 2.22")' in source)]
    assert ">2.393<" in ranking
    assert any(
        "application/vnd.jupyter.widget-view+json" in output.get("data", {})
        for cell in cells
        for output in cell.outputs
    )
