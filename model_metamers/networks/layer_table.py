"""A network's architecture as a table, read from the Keras model itself (Tables S2 and S3)."""

import keras
import pandas as pd

COLUMNS = ("layer", "kind", "output_shape", "kernel", "stride", "parameters")


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


def _size(layer: keras.Layer, *attributes: str) -> str:
    """Return the first of the attributes that the layer has, of both axes, or nothing."""
    for name in attributes:
        if (value := getattr(layer, name, None)) is not None:
            return _times((value, value) if isinstance(value, int) else value)
    return ""


def _times(sizes: tuple[int, ...]) -> str:
    return " x ".join(map(str, sizes))
