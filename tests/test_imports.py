"""The direction of imports (who may know whom), and what importing must not do."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import run

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = PROJECT / "model_metamers"

# Part of the package -> the other parts it may import.
ALLOWED = {
    "files": set(),
    "gradients": set(),
    "limits": set(),
    "npz": {"limits"},
    "paper": set(),
    "plotting": set(),
    "frontends": {"gradients"},
    "networks": {"files", "frontends", "gradients", "limits", "npz"},
    "stimuli": {"files", "limits", "paper"},
    "synthesis": {"stimuli"},  # the noise it starts from
    "validation": set(),
    "recognition": {"stimuli"},  # the label tables
    "store": {"files", "limits", "npz"},
    "cluster": set(),
    "devices": {"cluster"},
    "training": {"files", "networks", "stimuli", "devices"},
    "pipeline": {
        "networks", "stimuli", "synthesis", "validation", "recognition", "store", "cluster",
    },
    "human": {"files", "paper", "stimuli", "store"},
    "analysis": {"networks", "paper", "pipeline", "stimuli", "store", "validation"},
    "gallery": {"analysis", "files", "frontends", "networks", "store", "validation"},
    "__init__": {"frontends", "networks", "recognition", "synthesis", "validation"},  # their types
    "start_up": set(),
    "commands": {
        "gallery", "networks", "pipeline", "stimuli", "store", "synthesis", "validation"
    },
    "__main__": {"commands", "networks", "start_up"},
}  # fmt: skip


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_parts(path: Path) -> set[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    own = [name.split(".") for name in names if name.split(".")[0] == "model_metamers"]
    return {parts[1] for parts in own if len(parts) > 1}


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    part = part_of(path)
    assert part in ALLOWED, f"{part} is new: say in this test what it may import"
    assert imported_parts(path) - {part} <= ALLOWED[part]


def test_the_labels_are_all_that_stimuli_take_from_the_paper():
    users = [
        path.name
        for path in MODULES
        if part_of(path) == "stimuli" and imported_parts(path) & {"paper"}
    ]
    assert users == ["labels.py"]


def test_nobody_imports_experiments():
    scripts = {path.stem for path in (PROJECT / "experiments").glob("*.py")}
    for path in MODULES:
        tree = ast.parse(path.read_text())
        roots = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        roots |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert not {root.split(".")[0] for root in roots} & (scripts | {"experiments"}), path


@pytest.mark.parametrize(
    "module",
    ["model_metamers", "model_metamers.plotting.figure3", "model_metamers.store",
     "model_metamers.paper", "model_metamers.stimuli.made.objects",
     "model_metamers.analysis.claims.table", "model_metamers.analysis.identities",
     "model_metamers.networks.catalog", "model_metamers.human.pages",
     "model_metamers.human.server", "model_metamers.human.statistics", "model_metamers.__main__",
     "model_metamers.gallery.page"],
)  # fmt: skip
def test_tables_and_figures_do_not_need_tensorflow(module):
    code = f"import {module}, sys; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT).returncode == 0


@pytest.mark.parametrize(("setting", "seen"), [(None, "1"), ("0", "0")])
@pytest.mark.parametrize("script", ["benchmark", "null_distributions", "train_small"])
def test_scripts_turn_onednn_on_before_tensorflow_starts(script, setting, seen, tmp_path):
    code = "import os, sys; sys.exit(os.environ.get('TF_ENABLE_ONEDNN_OPTS', 'unset'))"
    for package in ("tensorflow", "keras"):
        (tmp_path / f"{package}.py").write_text(code)
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{PROJECT}"}
    environment.pop("TF_ENABLE_ONEDNN_OPTS", None)
    if setting:
        environment["TF_ENABLE_ONEDNN_OPTS"] = setting
    assert run(script, env=environment).stderr.strip() == seen


def test_every_public_name_exists():
    import model_metamers as mm

    assert sorted(mm._PUBLIC) == mm.__all__
    for name in mm.__all__:
        assert getattr(mm, name).__doc__
