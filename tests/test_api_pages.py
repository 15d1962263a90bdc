"""The pages of docstrings are built without a warning, and hold every public name."""

import command_line
import pytest

import model_metamers as mm


@pytest.mark.slow
def test_the_pages_are_built_and_hold_every_public_name(tmp_path):
    pytest.importorskip("pdoc", reason="needs pdoc (docs or test extra)")
    result = command_line.run("api_pages", f"--output_dir={tmp_path / 'api'}")
    assert result.returncode == 0, result.stderr
    first = (tmp_path / "api" / "model_metamers.html").read_text()
    assert all(f'id="{name}"' in first for name in mm.__all__)
    modules = {
        path.relative_to(command_line.PROJECT).with_suffix("")
        for path in (command_line.PROJECT / "model_metamers").rglob("*.py")
    }
    for module in modules:
        name = module.parent if module.name == "__init__" else module
        if name.name != "__main__":
            assert (tmp_path / "api" / name.with_suffix(".html")).is_file(), name
