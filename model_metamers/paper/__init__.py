"""The numbers the paper published, as CSV files beside this module, and their loader.

Tables S1, S4, S5, S6; the human recognition scores of Figures 3 and 4, digitised to +-0.005; and
the class lists of the tasks (ImageNet, the 16 categories, words). Everything that is compared with
the paper is read from here.
"""

from importlib.resources import files

import pandas as pd


def table_names() -> list[str]:
    """Return the names `load_table` knows, in alphabetical order."""
    names = (entry.name for entry in files(__name__).iterdir())
    return sorted(name.removesuffix(".csv") for name in names if name.endswith(".csv"))


def load_table(name: str) -> pd.DataFrame:
    """Return one published table; empty cells are NaN.

    Args:
        name: file name without `.csv`, such as "table_s5_visual".

    Raises:
        ValueError: unknown name.
    """
    if name not in table_names():
        raise ValueError(
            f"no published table {name!r}; expected one of: {', '.join(table_names())}"
        )
    with files(__name__).joinpath(f"{name}.csv").open("rb") as file:
        # Only empty cells are missing: a label may well be the word "null" or "NA".
        return pd.read_csv(file, keep_default_na=False, na_values=[""])
