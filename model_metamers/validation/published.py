"""The authors' null distributions: a million pairs of training stimuli per layer of a network.

The files (word_aliased_null_dist_spearman_r.pckl and others) hold a dictionary from the layer's
name in the released code to the correlations of the pairs.

Source: Audio_Network_Metamers.ipynb, VGG19_Metamers_Using_TFSlim_Model.ipynb and build_*.py of
github.com/jenellefeather/model_metamers.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from model_metamers.validation.nulls import NullDistribution

# Layers after a ReLU with the modified gradient are called <layer>_jittered_relu.
_SUFFIX = "_jittered_relu"
_LAYERS = {"visualization_input": "cochleagram", "pool_0_0": "pool_0", "pool_1_0": "pool_1"}
_ROUNDING = 1e-6


def published_nulls(content: Any) -> dict[str, NullDistribution]:
    """Return our layer -> null distribution.

    Args:
        content: of one of the authors' files, read without running it (`store`'s
            `load_foreign_pickle`).

    Raises:
        ValueError: anything else than correlations by layer.
    """
    if not isinstance(content, Mapping) or not content:
        raise ValueError(
            f"expected a dictionary from layers to correlations; got {type(content).__name__}"
        )
    return {_layer(name): _distribution(name, values) for name, values in content.items()}


def _layer(name: str) -> str:
    name = str(name).removesuffix(_SUFFIX)
    return _LAYERS.get(name, name)


def _distribution(name: str, values: Any) -> NullDistribution:
    try:
        rho = np.asarray(values, np.float64).ravel()
    except (TypeError, ValueError):
        raise ValueError(f"layer {name!r} holds no numbers") from None
    defined = rho[~np.isnan(rho)]
    if not defined.size or np.abs(defined).max() > 1 + _ROUNDING:
        raise ValueError(f"layer {name!r} holds no correlations, which lie between -1 and 1")
    # Two fresh stimuli for each pair.
    pairs = np.arange(2 * len(rho)).reshape(-1, 2)[~np.isnan(rho)]
    return NullDistribution.from_correlations(
        defined,
        pairs,
        n_stimuli=2 * len(defined),
        n_constant_stimuli=2 * (len(rho) - len(defined)),
    )
