"""TF-Slim's own graph of a checkpoint, the oracle for our image networks.

`compare` runs one checkpoint through TF-Slim's graph and through ours and reports how far apart
every metamer layer is; `write_random_checkpoint` makes one with random weights and batch-norm
statistics, so that the comparison needs no download. The only TF1 graph of the project is here.

Images: float [batch, height, width, 3] in [0, 1]; preprocessing happens outside TF-Slim's graph.
"""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from model_metamers.networks import inception, resnet, vgg
from model_metamers.networks.network import Network

v1 = tf.compat.v1


@dataclass(frozen=True)
class SlimNetwork:
    """How to build a TF-Slim network and where its metamer layers are.

    Attributes:
        build: from preprocessed images and options to TF-Slim's (output, end points).
        preprocess: from images in [0, 1] to the range TF-Slim's network expects.
        tensors: metamer layer -> name of an end point, or of a tensor of the graph ("...:0").
        unused: values of variables that the published checkpoint has and inference does not need.
    """

    build: Callable
    preprocess: Callable[[np.ndarray], np.ndarray]
    tensors: Mapping[str, str]
    unused: Mapping[str, np.ndarray]


def write_random_checkpoint(
    network_name: str,
    path: str | os.PathLike,
    seed: int,
    size_px: int | None = None,
    format: str = "V2",
) -> None:
    """Write a checkpoint of TF-Slim's graph with random weights, with TF1's own saver.

    Activations stay finite and of order one: kernels are He-normal, batch-norm variances positive.

    Args:
        network_name: "vgg_19", "inception_v3" or "resnet_v2_101".
        path: the checkpoint file (V1) or the prefix of its .index and .data files (V2).
        seed: of all random values.
        size_px: side of the input image, by default TF-Slim's; VGG-19 takes 224 only.
        format: "V1", the single file of the published checkpoints, or "V2".

    Raises:
        ValueError: unknown network or format.
    """
    slim_network = _slim_network(network_name)
    if format not in ("V1", "V2"):
        raise ValueError(f"checkpoint format must be 'V1' or 'V2'; got {format!r}")
    generator = np.random.default_rng(seed)
    size_px = size_px or (224 if network_name == "vgg_19" else 299)
    with tf.Graph().as_default(), v1.Session() as session:
        slim_network.build(v1.placeholder(tf.float32, (1, size_px, size_px, 3)), inference=False)
        v1.train.create_global_step()
        for name, value in slim_network.unused.items():
            v1.get_variable(name, initializer=tf.constant(value), trainable=False)
        # One run for all: the initialisers' own values are replaced by feeding their inputs.
        session.run(
            [variable.initializer for variable in v1.global_variables()],
            {
                variable.initializer.inputs[1]: _random_value(
                    variable.op.name, variable.shape.as_list(), generator
                )
                for variable in v1.global_variables()
            },
        )
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        saver = v1.train.Saver(write_version=getattr(v1.train.SaverDef, format))
        saver.save(session, os.fspath(path), write_meta_graph=False, write_state=False)


def reference_activations(
    network_name: str, checkpoint: str | os.PathLike, images: np.ndarray
) -> dict[str, np.ndarray]:
    """Return metamer layer -> activations of TF-Slim's graph in inference mode.

    Args:
        network_name: "vgg_19", "inception_v3" or "resnet_v2_101".
        checkpoint: TF1 checkpoint, a V1 file or a V2 prefix.
        images: [batch, size, size, 3] in [0, 1].

    Returns:
        Arrays [batch, height, width, channels], or [batch, features] where the map is 1 x 1.

    Raises:
        ValueError: unknown network, or images of another rank.
    """
    slim_network = _slim_network(network_name)
    images = np.asarray(images, np.float32)
    if images.ndim != 4 or images.shape[-1] != 3:
        raise ValueError(f"expected images [batch, size, size, 3]; got {list(images.shape)}")
    with tf.Graph().as_default() as graph, v1.Session() as session:
        placeholder = v1.placeholder(tf.float32, images.shape)
        _, end_points = slim_network.build(placeholder, inference=True)
        tensors = {
            layer: graph.get_tensor_by_name(name) if name.endswith(":0") else end_points[name]
            for layer, name in slim_network.tensors.items()
        }
        v1.train.Saver().restore(session, os.fspath(checkpoint))
        values = session.run(tensors, {placeholder: slim_network.preprocess(images)})
    return {
        layer: value.reshape(len(value), -1) if value.shape[1:3] == (1, 1) else value
        for layer, value in values.items()
    }


def compare(
    network: Network, checkpoint: str | os.PathLike, images: np.ndarray
) -> dict[str, float]:
    """Return metamer layer -> relative L2 error of our activations against TF-Slim's.

    Args:
        network: our network, with the weights of `checkpoint`, under TF-Slim's name of it.
        checkpoint: TF1 checkpoint, a V1 file or a V2 prefix.
        images: [batch, *network.stimulus_shape] in [0, 1].
    """
    expected = reference_activations(network.name, checkpoint, images)
    ours = network.activations(images, tuple(expected))
    return {
        layer: _relative_error(ours[layer].ravel(), expected[layer].ravel()) for layer in expected
    }


def _relative_error(values: np.ndarray, expected: np.ndarray) -> float:
    if values.shape != expected.shape:
        return float("inf")
    return float(np.linalg.norm(values - expected) / np.linalg.norm(expected))


def _random_value(name: str, shape: list[int], generator: np.random.Generator) -> np.ndarray:
    kind = name.rsplit("/", 1)[-1]
    if kind == "global_step":
        return np.int64(0)
    if kind in ("moving_variance", "gamma"):
        return generator.uniform(0.5, 1.5, shape).astype(np.float32)
    if kind != "weights":
        return 0.5 * generator.standard_normal(shape, np.float32)
    gain = np.sqrt(2.0 / np.prod(shape[:-1]))
    if name.endswith("bottleneck_v2/conv3/weights"):
        # 33 residuals of full size would double the sum at each unit and drown every bias in it.
        gain *= 0.25
    return np.float32(gain) * generator.standard_normal(shape, np.float32)


def _slim_network(name: str) -> SlimNetwork:
    networks = {
        "vgg_19": SlimNetwork(
            build=_build_vgg_19,
            preprocess=lambda images: images * 255 - np.float32(vgg.CHANNEL_MEANS),
            tensors={
                layer: f"vgg_19/{layer[:5]}/{layer}" if "_" in layer else f"vgg_19/{layer}"
                for layer in vgg.METAMER_LAYERS
            },
            unused={"vgg_19/mean_rgb": np.float32(vgg.CHANNEL_MEANS)},
        ),
        "inception_v3": SlimNetwork(
            build=_build_inception_v3,
            preprocess=lambda images: 2 * images - 1,
            tensors={layer: layer for layer in inception.METAMER_LAYERS},
            unused={},
        ),
        "resnet_v2_101": SlimNetwork(
            build=_build_resnet_v2_101,
            preprocess=lambda images: 2 * images - 1,
            # The averaged map is no end point of tf_slim 1.1, only a tensor.
            tensors={layer: f"resnet_v2_101/{layer}" for layer in resnet.METAMER_LAYERS}
            | {"global_pool": "resnet_v2_101/pool5:0"},
            unused={},
        ),
    }
    if name not in networks:
        raise ValueError(f"TF-Slim has no network {name!r}; known: {', '.join(networks)}")
    return networks[name]


def _build_vgg_19(images: tf.Tensor, inference: bool) -> tuple:
    _alias_legacy_layers()
    import tf_slim
    from tf_slim.nets import vgg as slim_vgg

    with tf_slim.arg_scope(slim_vgg.vgg_arg_scope()):
        return slim_vgg.vgg_19(images, is_training=not inference)


def _build_inception_v3(images: tf.Tensor, inference: bool) -> tuple:
    _alias_legacy_layers()
    import tf_slim
    from tf_slim.nets import inception_v3

    with tf_slim.arg_scope(inception_v3.inception_v3_arg_scope()):
        return inception_v3.inception_v3(
            images, num_classes=1001, is_training=False, create_aux_logits=not inference
        )


def _build_resnet_v2_101(images: tf.Tensor, inference: bool) -> tuple:
    _alias_legacy_layers()
    import tf_slim
    from tf_slim.nets import resnet_utils, resnet_v2

    with tf_slim.arg_scope(resnet_utils.resnet_arg_scope()):
        return resnet_v2.resnet_v2_101(images, num_classes=1001, is_training=False)


def _alias_legacy_layers() -> None:
    """Let tf_slim 1.1, written for TF1, find the layers that now live in a private module."""
    import tf_keras.src.legacy_tf_layers as legacy_tf_layers

    sys.modules.setdefault("tf_keras.legacy_tf_layers", legacy_tf_layers)
