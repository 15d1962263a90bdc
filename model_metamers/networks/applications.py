"""Any network of keras.applications: its preprocessing inside, and the layers to match.

`Network.from_keras_application("MobileNetV2")` is the public way. The network takes images in
[0, 1] and ends in logits. What its own `preprocess_input` does to a colour is read from that
function and becomes the first layers of the graph. Layers that Keras numbers as it makes them
("conv2d_94") are renamed to the number they have in a fresh process ("conv2d"), so that a layer
has one name however many networks were made before.
"""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from model_metamers.files import sha256_of
from model_metamers.networks import keras_graph
from model_metamers.networks.checks import layer_names
from model_metamers.networks.network import Network, Readout

# Side of the input, in pixels, where it is not 224. Source: keras.applications, default sizes.
_SIZES_PX = {
    "EfficientNetB1": 240, "EfficientNetB2": 260, "EfficientNetB3": 300, "EfficientNetB4": 380,
    "EfficientNetB5": 456, "EfficientNetB6": 528, "EfficientNetB7": 600,
    "EfficientNetV2B1": 240, "EfficientNetV2B2": 260, "EfficientNetV2B3": 300,
    "EfficientNetV2S": 384, "EfficientNetV2M": 480, "EfficientNetV2L": 480,
    "InceptionResNetV2": 299, "InceptionV3": 299, "NASNetLarge": 331, "Xception": 299,
}  # fmt: skip

_PUBLISHED = "imagenet"

# Stands for the last sum or concatenation of every size of the maps: where blocks end.
_BLOCK_ENDS = "(block ends)"
# Application -> layers from the input upwards, as patterns. Of the layers that match a pattern the
# last is taken; of a pattern with a group, the last for each content of the group. What an
# application lacks (fc1 without include_top=True) is left out, and its output comes last.
_METAMER_LAYERS = {
    r"VGG\d+": (r"(block\d)_conv\d", "fc1", "fc2"),
    # Those of Table S5, under Keras' names.
    r"InceptionV3": (
        "activation", "activation_2", "activation_3", "activation_4",
        "mixed2", "mixed7", "mixed10", "avg_pool",
    ),
    r"InceptionResNetV2": (
        "activation", "activation_2", "activation_3", "activation_4",
        "mixed_5b", r"(block\d+)_\d+_ac", "conv_7b_ac", "avg_pool",
    ),
    r"ResNet\d+": ("conv1_relu", r"(conv\d)_block\d+_out", "avg_pool"),
    r"ResNet\d+V2": ("conv1_conv", r"(conv\d)_block\d+_out", "post_relu", "avg_pool"),
    # The last before each halving of the maps.
    r"MobileNet": ("conv1_relu", r"conv_pw_(1|3|5|11|13)_relu", "global_average_pooling2d"),
    r"MobileNetV2": (
        "Conv1_relu", "expanded_conv_project_BN", r"block_(2|5|12|15)_add", "out_relu",
        "global_average_pooling2d",
    ),
    r"MobileNetV3\w+": ("activation", _BLOCK_ENDS, "global_average_pooling2d"),
    r"EfficientNet\w+": (
        "stem_activation", r"(block\d)[a-z]+_(?:project_bn|project_activation|add)",
        "top_activation", "avg_pool",
    ),
    r"DenseNet\d+": ("conv1_relu", r"(conv\d)_block\d+_concat", "relu", "avg_pool"),
    r"ConvNeXt\w+": (r"convnext_\w+_stem", _BLOCK_ENDS, r"convnext_\w+_head_gap"),
    r"\w+": (_BLOCK_ENDS, "avg_pool|global_average_pooling2d"),
}  # fmt: skip

# Ours: the input's place and preprocessing are what this module is for.
_NOT_THE_USERS = ("input_tensor", "include_preprocessing")


def list_applications() -> list[str]:
    """Return the names of the networks in keras.applications."""
    members = vars(keras.applications).items()
    return [name for name, member in members if callable(member) and name[0].isupper()]


def network_of_application(
    name: str,
    weights: str | os.PathLike | None,
    metamer_layers: Sequence[str] | None = None,
    **arguments: Any,
) -> Network:
    """Return a network of keras.applications; see `Network.from_keras_application`."""
    model = build_application(name, weights, **arguments)
    usual = default_layers(name, model)
    chosen = usual if metamer_layers is None else layer_names(metamer_layers, "metamer_layers")
    try:
        keras_graph.outputs_of(model, chosen)
    except KeyError as error:
        raise ValueError(
            f"{name} has no layer {error.args[0]!r}; of its layers, usual ones are: "
            f"{', '.join(usual)}"
        ) from None
    output = keras_graph.final_layer(model)
    task = "imagenet" if tuple(model.outputs[0].shape[1:]) == (1000,) else "native"
    path = _path_of(weights)
    return Network(
        name,
        model,
        chosen,
        (0.0, 1.0),
        {task: Readout(output)},
        weights_sha256=None if path is None else sha256_of(path),
    )


def build_application(
    name: str, weights: str | os.PathLike | None, **arguments: Any
) -> keras.Model:
    """Build a network of keras.applications on images in [0, 1], with logits as its output.

    Args:
        name: one of `list_applications()`.
        weights: as for `Network.from_keras_application`.
        arguments: of the application's function.

    Returns:
        Model from images [batch, height, width, 3] to logits, its layers' names those of a fresh
        process.

    Raises:
        ValueError: unknown name or argument, missing or unfit weights.
    """
    if name not in list_applications():
        raise ValueError(
            f"keras.applications has no {name!r}; choose from: {', '.join(list_applications())}"
        )
    if refused := [argument for argument in _NOT_THE_USERS if argument in arguments]:
        raise ValueError(f"{name} takes no {refused[0]}: the preprocessing is inside")
    path = _path_of(weights)
    if path is not None and not path.is_file():
        raise ValueError(f"there is no file {path}; give the path of {name}'s weights")
    shape = _input_shape(name, arguments.pop("input_shape", None))
    function = getattr(keras.applications, name)
    preprocessed = _preprocessed(keras.Input(shape, name="image"), function)
    settings = {"classifier_activation": None} | arguments
    try:
        model = function(
            weights=weights if path is None else str(path),
            input_tensor=preprocessed,
            input_shape=shape,
            **settings,
        )
    except Exception as error:  # of a failed download, Keras raises no narrower class
        reason = (str(error) or type(error).__name__).strip().splitlines()[0]
        remedy = "; or pass the path of a file as weights" if weights == _PUBLISHED else ""
        raise ValueError(f"cannot make {name} with weights={weights}: {reason}{remedy}") from error
    _name_as_in_a_fresh_process(model)
    return model


def _path_of(weights: Any) -> Path | None:
    if not isinstance(weights, str | os.PathLike | None):
        raise ValueError(
            f"weights must be {_PUBLISHED!r}, the path of a file, or None; got {weights!r:.40}"
        )
    return None if weights is None or weights == _PUBLISHED else Path(weights)


def _input_shape(name: str, shape: Any) -> tuple[int, ...]:
    size_px = _SIZES_PX.get(name, 224)
    if shape is None:
        return (size_px, size_px, 3)
    is_shape = isinstance(shape, list | tuple) and len(shape) == 3
    if not is_shape or not all(isinstance(n, int | np.integer) and n > 0 for n in shape):
        raise ValueError(
            f"input_shape must be three whole numbers above 0, like ({size_px}, {size_px}, 3); "
            f"got {shape!r:.40}"
        )
    return tuple(shape)


def default_layers(name: str, model: keras.Model) -> list[str]:
    """Return the layers of an application to match, by the first row that fits its name."""
    patterns = next(row for key, row in _METAMER_LAYERS.items() if re.fullmatch(key, name))
    names = [operation.name for operation in model.operations]
    found: list[str] = []
    for pattern in patterns:
        found += _block_ends(model) if pattern == _BLOCK_ENDS else _last_matches(pattern, names)
    return list(dict.fromkeys([*found, keras_graph.final_layer(model)]))


def _last_matches(pattern: str, names: Sequence[str]) -> list[str]:
    matches = [match for name in names if (match := re.fullmatch(pattern, name))]
    return list({match.groups(): match[0] for match in matches}.values())


def _block_ends(model: keras.Model) -> list[str]:
    """Return the last sum or concatenation of every size of the maps, from the input upwards."""
    last: dict[tuple[int, ...], str] = {}
    for operation in model.operations:
        joins = type(operation).__name__ in ("Add", "Concatenate")
        # The sum of a tensor and a number has one input.
        if joins and isinstance(operation.input, list | tuple) and operation.output.ndim == 4:
            size = tuple(operation.output.shape[1:3])
            last.pop(size, None)
            last[size] = operation.name
    return list(last.values())


def _preprocessed(image: keras.KerasTensor, application: Any) -> keras.KerasTensor:
    """Apply what an application's `preprocess_input` does to images of 0 .. 255.

    It gives each colour of its result from one colour of the image, on a straight line: black and
    the three pure colours tell which, and the line.
    """
    preprocess_input = sys.modules[application.__module__].preprocess_input
    pixels = np.concatenate([np.zeros((1, 3)), 255 * np.eye(3)]).reshape(4, 1, 1, 3)
    black, *pure = preprocess_input(pixels, data_format="channels_last").reshape(4, 3)
    change = np.array(pure) - black
    order = np.abs(change).argmax(axis=0).tolist()
    if order == [2, 1, 0]:
        image = keras.ops.flip(image, axis=-1)
    elif order != [0, 1, 2]:
        raise ValueError(f"{application.__name__} mixes colours, which is not provided for")
    scale = change[order, [0, 1, 2]]
    return layers.Rescaling(scale.tolist(), black.tolist(), name="preprocessed")(image)


def _name_as_in_a_fresh_process(model: keras.Model) -> None:
    """Number the layers that Keras named after their class from zero, in the order of making."""
    numbered: dict[str, list[tuple[int, keras.Operation]]] = {}
    for operation in model.operations:
        stem = re.sub(r"_\d+$", "", operation.name)
        number = operation.name[len(stem) + 1 :]
        if stem.replace("_", "") == type(operation).__name__.lower():
            numbered.setdefault(stem, []).append((int(number or 0), operation))
    for stem, operations in numbered.items():
        operations.sort(key=lambda pair: pair[0])
        for index, (_, operation) in enumerate(operations):
            operation.name = f"{stem}_{index}" if index else stem
