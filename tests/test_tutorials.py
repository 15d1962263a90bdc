"""The notebooks run, and what they show is what is committed."""

import re

import pytest
from command_line import PROJECT

nbformat = pytest.importorskip("nbformat", reason="needs nbformat and nbclient (test extra)")

TUTORIALS = sorted((PROJECT / "experiments" / "tutorials").glob("*.ipynb"))


def shown(notebook):
    """Return the kinds of output of every code cell, without what libraries write to stderr."""
    return [
        [
            output.get("name") or sorted(output.get("data", {output.output_type: None}))
            for output in cell.outputs
            if output.get("name") != "stderr"
        ]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def test_there_are_two():
    assert [path.stem for path in TUTORIALS] == ["image_network", "own_keras_model_with_sounds"]


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_as_it_was_run(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    kinds = [output.output_type for cell in code for output in cell.outputs]
    assert "error" not in kinds and "display_data" in kinds
    assert path.stat().st_size < 300_000


@pytest.mark.slow
@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_a_notebook_runs_in_few_steps_and_shows_what_is_committed(path, tmp_path, monkeypatch):
    client = pytest.importorskip("nbclient", reason="needs nbclient (test extra)")
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")  # the kernel of these tests' Python
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    committed = nbformat.read(path, as_version=4)
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            cell.source = re.sub(r"(iterations|epochs)=(\d+)0,", r"\1=\2,", cell.source)
    resources = {"metadata": {"path": str(tmp_path)}}
    client.NotebookClient(notebook, timeout=600, resources=resources).execute()
    assert shown(notebook) == shown(committed)
