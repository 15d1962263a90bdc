"""Which variable of the authors' TF1 checkpoints belongs to which layer of `word_cnn`.

The released code builds the word networks with tf.layers inside the scope "brain_network", so a
variable is called brain_network/<layer>/<kernel, bias, gamma, ...>:

| layer in the checkpoint | layer here             | told by                                   |
|-------------------------|------------------------|-------------------------------------------|
| conv_0 .. conv_4        | conv_<k>.linear        | its name                                  |
| fc_intermediate         | fc_intermediate.linear | its name                                  |
| fc_top_0, fc_top_1      | logits, logits_<task>  | its number of classes: one layer per task |
| a batch norm            | conv_<k>.normalised    | its number of channels: 1, 96, 256        |

The names of the batch norms are in a file of the release that we could not read, hence the last
row. That there are three, with tf.layers' variables, is assumed; anything else shows as a misfit.

Source: build_word_network_aliased.py and audio_cnn_helpers.py of
github.com/jenellefeather/model_metamers at commit a420521.
"""

import re
from collections.abc import Mapping

import keras

SCOPE = "brain_network"


def variables_by_name(
    model: keras.Model, stored_shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, keras.Variable]:
    """Return name in the authors' checkpoint -> variable, for every weight of an audio network.

    Args:
        model: a network of `word_cnn`.
        stored_shapes: name -> shape of what the checkpoint holds; tells batch norms and heads.
    """
    batch_norms = _layers_by_size(stored_shapes, r"[^/]+", "moving_mean")
    tops = _layers_by_size(stored_shapes, r"fc_top[^/]*", "bias")
    names = {}
    for layer in model.layers:
        if not layer.weights:
            continue
        kind, size = layer.name.rpartition(".")[2], layer.weights[-1].shape[-1]
        if kind == "linear":
            stored_layer = layer.name.removesuffix(".linear")
        elif kind == "normalised":
            stored_layer = batch_norms.get(size, f"(a batch norm of {size} channels)")
        else:
            stored_layer = tops.get(size, f"(a head of {size} classes)")
        for variable in layer.weights:
            names[f"{SCOPE}/{stored_layer}/{variable.name}"] = variable
    return names


def _layers_by_size(
    stored_shapes: Mapping[str, tuple[int, ...]], layer: str, variable: str
) -> dict[int, str]:
    """Return length of a vector -> the one stored layer whose vector has it.

    Args:
        stored_shapes: name -> shape.
        layer: regular expression of the layer's name.
        variable: name of the vector.
    """
    pattern = re.compile(rf"(?:.*/)?{SCOPE}/({layer})/{variable}")
    layers: dict[int, list[str]] = {}
    for name, shape in stored_shapes.items():
        if found := pattern.fullmatch(name):
            layers.setdefault(shape[0], []).append(found[1])
    return {size: names[0] for size, names in layers.items() if len(names) == 1}
