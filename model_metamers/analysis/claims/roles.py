"""Which network of the paper one of a run stands for, whatever its scale and name."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from model_metamers.networks.identity import NetworkIdentity, identity_of

_COLUMNS = ("network", "generator", "observer")


@dataclass(frozen=True, order=True)
class Role:
    """A network of the paper.

    Attributes:
        base: its name in the paper's tables.
        seed: of its training.
        above: layer whose responses are its stimuli; "" for the whole network.
    """

    base: str
    seed: int = 0
    above: str = ""

    def __str__(self) -> str:
        seed = f", seed {self.seed}" if self.seed else ""
        return f"{self.base}{seed}" + (f", above {self.above}" if self.above else "")


def with_roles(table: pd.DataFrame, known: Mapping[str, NetworkIdentity]) -> pd.DataFrame:
    """Return a table with roles in place of networks' names.

    Args:
        table: with a column network, generator or observer.
        known: name -> identity.
    """

    def role(name: str) -> Role:
        identity = identity_of(name, known)
        return Role(identity.base, identity.seed, identity.above or "")

    columns = [column for column in _COLUMNS if column in table]
    return table.assign(**{column: table[column].map(role) for column in columns})


def of_first_seeds(roles: pd.Series) -> np.ndarray:
    """Return which are first seeds, bool [n]; experiments on transfer add others to a run."""
    return np.array([role.seed == 0 for role in roles], bool)
