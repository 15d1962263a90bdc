"""The weights of keras.applications in our graphs: a second source for the paper's networks.

Where the two differ, our graph is built or the weights are changed so that both compute the same:

| network       | application | what differs from TF-Slim's network                               |
|---------------|-------------|-------------------------------------------------------------------|
| vgg_19        | VGG19       | colours come blue first, so the first kernel is turned around     |
| inception_v3  | InceptionV3 | 1000 classes: none for the background                             |
| resnet_v2_101 | ResNet101V2 | 1000 classes; pool1 pads with a ring of zeros instead of at the   |
|               |             | end only; batch norm's epsilon is 1.001e-5 instead of 1e-5        |

The preprocessing is TF-Slim's in all three. Keras looks at 224 px with ResNet, ours and the paper
at 299.

Source: keras.applications (vgg19, inception_v3, resnet, resnet_v2, imagenet_utils).
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np

from model_metamers.files import sha256_of
from model_metamers.networks import inception, resnet, vgg
from model_metamers.networks.applications import build_application

KERAS = "keras"
_SUFFIXES = (".h5", ".hdf5", ".keras")
_N_CLASSES = 1000


@dataclass(frozen=True)
class _Twin:
    """A network of ours and the application that computes the same.

    Attributes:
        application: its name in keras.applications.
        build: returns our model, as the application is.
        layer_names: our model -> our layer with weights -> the application's.
    """

    application: str
    build: Callable[[], keras.Model]
    layer_names: Callable[[keras.Model], Mapping[str, str]]


def is_of_keras(weights: str | os.PathLike) -> bool:
    """Tell whether weights, as `load_network` takes them, come from keras.applications."""
    return weights == KERAS or os.fspath(weights).endswith(_SUFFIXES)


def load_keras_weights(name: str, weights: str | os.PathLike) -> tuple[keras.Model, str | None]:
    """Build a network of ours with the weights of the application that is the same.

    Args:
        name: vgg_19, inception_v3 or resnet_v2_101.
        weights: "keras" for the published ones, by Keras' own downloader, or the path of a file of
            the application's weights.

    Returns:
        The model, with 1000 classes, and the SHA-256 of the file, None where Keras keeps it.

    Raises:
        ValueError: another network, missing or unfit weights.
    """
    if name not in _TWINS:
        raise ValueError(
            f"Keras has no weights for {name}, but for {', '.join(_TWINS)}; see also "
            f"Network.from_keras_application"
        )
    twin = _TWINS[name]
    is_published = weights == KERAS
    source = build_application(twin.application, "imagenet" if is_published else weights)
    model = twin.build()
    for ours, theirs in twin.layer_names(model).items():
        _copy(source.get_layer(theirs), model.get_layer(ours))
    if name == "vgg_19":
        first = model.get_layer("conv1.conv1_1.linear").kernel
        first.assign(np.flip(first.numpy(), axis=2))
    return model, None if is_published else sha256_of(Path(weights))


def _copy(source: keras.Layer, target: keras.Layer) -> None:
    """Copy weights; a batch norm's variance takes up what its epsilon is more than ours."""
    values = source.get_weights()
    if isinstance(source, keras.layers.BatchNormalization):
        values[-1] = values[-1] + (source.epsilon - target.epsilon)
    target.set_weights(values)


def _vgg_names(model: keras.Model) -> dict[str, str]:
    names = {"fc6.linear": "fc1", "fc7.linear": "fc2", "fc8": "predictions"}
    for layer in model.layers:
        if found := re.fullmatch(r"conv\d\.conv(\d)_(\d)\.linear", layer.name):
            names[layer.name] = f"block{found[1]}_conv{found[2]}"
    return names


def _inception_names(model: keras.Model) -> dict[str, str]:
    """Number the convolutions in alphabetical order of scopes, which is Keras' order of making."""
    names = {"Logits.Conv2d_1c_1x1.linear": "predictions"}
    scopes = sorted(
        layer.name.removesuffix(".BatchNorm")
        for layer in model.layers
        if layer.name.endswith(".BatchNorm")
    )
    for index, scope in enumerate(scopes):
        number = f"_{index}" if index else ""
        names[f"{scope}.linear"] = f"conv2d{number}"
        names[f"{scope}.BatchNorm"] = f"batch_normalization{number}"
    return names


def _resnet_names(model: keras.Model) -> dict[str, str]:
    names = {"conv1": "conv1_conv", "postnorm": "post_bn", "logits": "predictions"}
    parts = {
        "preact": "preact_bn", "shortcut": "0_conv", "conv1": "1_conv", "conv1.BatchNorm": "1_bn",
        "conv2": "2_conv", "conv2.BatchNorm": "2_bn", "conv3": "3_conv",
    }  # fmt: skip
    for layer in model.layers:
        found = re.fullmatch(r"block(\d)\.unit_(\d+)\.bottleneck_v2\.(.+)", layer.name)
        if found and layer.weights:
            block, unit, part = found.groups()
            names[layer.name] = f"conv{int(block) + 1}_block{unit}_{parts[part]}"
    return names


_TWINS = {
    "vgg_19": _Twin("VGG19", vgg.vgg_19, _vgg_names),
    "inception_v3": _Twin(
        "InceptionV3", partial(inception.inception_v3, n_classes=_N_CLASSES), _inception_names
    ),
    "resnet_v2_101": _Twin(
        "ResNet101V2",
        partial(resnet.resnet_v2_101, n_classes=_N_CLASSES, pool1_in_zeros=True),
        _resnet_names,
    ),
}
