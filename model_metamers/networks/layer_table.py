"""A network's architecture as a table, read from the Keras model itself (Tables S2 and S3).

`layer_table` has every layer as it was built, `published_form` the rows and words of the paper.
"""

from collections.abc import Sequence

import keras
import pandas as pd

from model_metamers.frontends.cochleagram import Cochleagram
from model_metamers.networks.pooling import HanningPooling2D

COLUMNS = ("layer", "kind", "output_shape", "kernel", "stride", "parameters")
PUBLISHED_COLUMNS = ("layer", "type", "filters", "size", "stride", "paper_name")


def layer_table(model: keras.Model) -> pd.DataFrame:
    """Return one row per layer, from the input upwards.

    Shapes are without the batch, sizes "height x width"; parameters count every weight of a layer,
    those of batch norm that are not trained included.
    """
    rows = [
        (
            layer.name,
            type(layer).__name__,
            _times(layer.output.shape[1:]),
            _size(layer, "kernel_size", "pool_size"),
            _size(layer, "strides", "stride"),
            layer.count_params(),
        )
        for layer in model.layers
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def published_form(model: keras.Model, metamer_layers: Sequence[str]) -> pd.DataFrame:
    """Return a word network's architecture in the form of Tables S2 and S3.

    Args:
        model: the network.
        metamer_layers: those that the last column names.

    Returns:
        Columns layer (its number), type, filters, size, stride, paper_name, as
        `paper.load_table("table_s2_word_aliased")` has them; empty where the paper has nothing.
    """
    rows: list[tuple] = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer | keras.layers.Reshape):
            continue  # the paper's table begins with the cochleagram
        kind, filters, size = _published_kind(layer)
        stride = _published_stride(layer)
        rows.append(
            (len(rows), kind, filters, size, stride, _published_name(layer, metamer_layers))
        )
    return pd.DataFrame(rows, columns=PUBLISHED_COLUMNS)


def _published_kind(layer: keras.Layer) -> tuple[str, int | None, str | None]:
    """Return a layer's type, filters and size in the paper's words."""
    match layer:
        case Cochleagram():
            return "input", None, str(list(layer.output.shape[1:]))
        case keras.layers.Conv2D():
            return "conv2d", layer.filters, str(list(layer.kernel_size))
        case HanningPooling2D():
            return "hpool", None, str([layer.pool_size, layer.pool_size])
        case keras.layers.MaxPooling2D():
            return "max-pooling2d", None, str(list(layer.pool_size))
        case keras.layers.AveragePooling2D():
            return "avg-pool", None, str(list(layer.pool_size))
        case keras.layers.Dropout():
            return f"dropout, {layer.rate} (training)", None, None
        case keras.layers.Dense(name="logits"):
            return "fully-connected classification", None, None
        case keras.layers.Dense():
            return "fully-connected", layer.units, None
    names = {"BatchNormalization": "batch-normalization", "ReLU": "relu", "Flatten": "flatten"}
    return names[type(layer).__name__], None, None


def _published_stride(layer: keras.Layer) -> str | None:
    stride = getattr(layer, "strides", getattr(layer, "stride", None))
    if stride is None:
        return None
    return str([stride, stride] if isinstance(stride, int) else list(stride))


def _published_name(layer: keras.Layer, metamer_layers: Sequence[str]) -> str | None:
    """Return the paper's name of a layer that metamers are made for; the input has none there."""
    if layer.name not in metamer_layers or isinstance(layer, Cochleagram):
        return None
    return f"{layer.name}_0" if isinstance(layer, HanningPooling2D) else layer.name


def _size(layer: keras.Layer, *attributes: str) -> str:
    """Return the first of the attributes that the layer has, of both axes, or nothing."""
    for name in attributes:
        if (value := getattr(layer, name, None)) is not None:
            return _times((value, value) if isinstance(value, int) else value)
    return ""


def _times(sizes: tuple[int, ...]) -> str:
    return " x ".join(map(str, sizes))
