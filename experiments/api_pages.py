"""Pages of all functions and classes, made of their docstrings, to be opened in a browser.

    pip install -e ".[docs]"
    python experiments/api_pages.py            # build/api/index.html
    python experiments/api_pages.py --output_dir=pages

A docstring or a name that cannot be shown is an error.
"""

import importlib
import pkgutil
import warnings
from types import ModuleType

from absl import flags

from shared import paths, script

flags.DEFINE_string("output_dir", "build/api", "Where the pages go.")


def main() -> None:
    """Write the pages."""
    output = paths.output_folder("output_dir")
    try:
        import pdoc
    except ImportError:
        raise ValueError(
            'the pages are made by pdoc; get it with: pip install -e ".[docs]"'
        ) from None
    script.start_tensorflow()
    n_modules = prepare_modules()
    pdoc.render.configure(docformat="google")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pdoc.pdoc("model_metamers", output_directory=output)
    if told := [str(each.message) for each in caught if "pdoc" in each.filename]:
        raise ValueError(f"{len(told)} things cannot be shown; the first: {told[0]}")
    print(f"{output / 'index.html'} leads to the pages of {n_modules} modules")


def prepare_modules() -> int:
    """Import all modules, tell pdoc what it would not see of them, and return how many they are.

    pdoc shows what `__all__` names, if there is one, and overlooks what is imported on first use.
    """
    import model_metamers

    for name in model_metamers.__all__:
        setattr(model_metamers, name, getattr(model_metamers, name))
    found = pkgutil.walk_packages(model_metamers.__path__, "model_metamers.")
    names = [each.name for each in found if not each.name.endswith("__main__")]
    for name in names:
        importlib.import_module(name)
    for name in ("model_metamers", *names):
        _show_submodules(importlib.import_module(name))
    return 1 + len(names)


def _show_submodules(module: ModuleType) -> None:
    if hasattr(module, "__all__") and hasattr(module, "__path__"):
        parts = [each.name for each in pkgutil.iter_modules(module.__path__)]
        vars(module)["__all__"] = [*module.__all__, *parts]


if __name__ == "__main__":
    script.run(main)
