"""Layers in their network's order, from the input upwards, in whatever order they were made.

Readers of run.json and of the tables take the order of layers for that of depth.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

ORDER = "layer_order"  # its place in run.json: network -> all layers it can be matched at
NATURAL = "natural"  # stands for a layer: the natural stimuli
_OWNERS = ("network", "generator")  # columns that tell whose layer it is
_LAYERS = ("layer", "generated_layer")


def config_in_order(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a run with its layers in order, as far as that is known.

    Args:
        record: run.json.
    """
    config, orders = record["config"], _orders(record)
    layers = config.get("layers")
    if not isinstance(layers, dict):
        return config
    ordered = {
        network: sorted(names, key=partial(_place, order=orders.get(network, [])))
        for network, names in layers.items()
    }
    return {**config, "layers": ordered}


def joined_orders(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Sequence[str]]:
    """Return network -> its layers in order, as two records of a run know it together.

    A record may know a part of the layers; those that only the shorter one knows come last.
    """
    orders = {**_orders(old)}
    for network, layers in _orders(new).items():
        less, more = sorted((orders.get(network, []), layers), key=len)
        orders[network] = [*more, *(layer for layer in less if layer not in more)]
    return orders


def rows_in_order(table: pd.DataFrame, record: Mapping[str, Any]) -> pd.DataFrame:
    """Return a table's rows by network, as they first appear, and by layer.

    Args:
        table: one of a run folder's; others than of networks and layers are returned as they are.
        record: run.json. Rows of networks it knows nothing of stay in the order they have.
    """
    owner = next((name for name in _OWNERS if name in table), None)
    layer = next((name for name in _LAYERS if name in table), None)
    if owner is None or layer is None:
        return table
    orders = _orders(record)
    places = [
        _place(name, orders.get(network, []))
        for network, name in zip(table[owner], table[layer], strict=True)
    ]
    return table.iloc[np.lexsort((places, pd.factorize(table[owner])[0]))]


def _orders(record: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    orders = record.get(ORDER)
    if not isinstance(orders, dict):
        return {}
    return {network: order for network, order in orders.items() if isinstance(order, list)}


def _place(layer: str, order: Sequence[str]) -> int:
    """Return where a layer comes: the natural stimuli first, unknown layers last."""
    if layer == NATURAL:
        return -1
    return order.index(layer) if layer in order else len(order)
