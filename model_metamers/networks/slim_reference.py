"""TF-Slim's own graph of a checkpoint, the oracle for our image networks and VGGish.

`compare` runs one checkpoint through TF-Slim's graph and through ours and reports how far apart
every metamer layer is; `write_random_checkpoint` makes one with random weights and batch-norm
statistics, so that the comparison needs no download. The only TF1 graph of the project is here.

Stimuli: images [batch, height, width, 3] in [0, 1], or waveforms [batch, samples]; preprocessing
happens outside TF-Slim's graph. VGGish's is our own front end, which has tests of its own.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from model_metamers.frontends.log_mel import LogMel, LogMelConfig
from model_metamers.networks import inception, resnet, vgg, vggish
from model_metamers.networks.network import Network

v1 = tf.compat.v1


@dataclass(frozen=True)
class SlimNetwork:
    """How to build a TF-Slim network and where its metamer layers are.

    Attributes:
        build: from preprocessed stimuli and options to TF-Slim's (output, end points).
        input_shape: of one preprocessed stimulus, or patch of it, at TF-Slim's size.
        preprocess: from stimuli to what TF-Slim's network expects.
        tensors: metamer layer -> name of an end point, or of a tensor of the graph ("...:0").
        unused: values of variables that the published checkpoint has and inference does not need.
    """

    build: Callable
    input_shape: tuple[int, ...]
    preprocess: Callable[[np.ndarray], np.ndarray]
    tensors: Mapping[str, str]
    unused: Mapping[str, np.ndarray]


def list_networks() -> list[str]:
    """Return the names of the networks that have a TF-Slim graph here."""
    return list(_slim_networks())


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
        network_name: one of `list_networks`.
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
    rng = np.random.default_rng(seed)
    shape = slim_network.input_shape if size_px is None else (size_px, size_px, 3)
    with _slim_graph(), v1.Session() as session:
        slim_network.build(v1.placeholder(tf.float32, (1, *shape)), inference=False)
        v1.train.create_global_step()
        for name, value in slim_network.unused.items():
            v1.get_variable(name, initializer=tf.constant(value), trainable=False)
        # One run for all: the initialisers' own values are replaced by feeding their inputs.
        session.run(
            [variable.initializer for variable in v1.global_variables()],
            {
                variable.initializer.inputs[1]: _random_value(
                    variable.op.name, variable.shape.as_list(), rng
                )
                for variable in v1.global_variables()
            },
        )
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        saver = v1.train.Saver(write_version=getattr(v1.train.SaverDef, format))
        saver.save(session, os.fspath(path), write_meta_graph=False, write_state=False)


def reference_activations(
    network_name: str, checkpoint: str | os.PathLike, stimuli: np.ndarray
) -> dict[str, np.ndarray]:
    """Return metamer layer -> activations of TF-Slim's graph in inference mode.

    Args:
        network_name: one of `list_networks`.
        checkpoint: TF1 checkpoint, a V1 file or a V2 prefix.
        stimuli: images [batch, size, size, 3] in [0, 1], or waveforms [batch, samples].

    Returns:
        Arrays [batch, height, width, channels], or [batch, features] where the map is 1 x 1; of
        waveforms [batch, patches, ...].

    Raises:
        ValueError: unknown network, or stimuli of another rank.
    """
    slim_network = _slim_network(network_name)
    inputs = slim_network.preprocess(np.asarray(stimuli, np.float32))
    rank, last = len(slim_network.input_shape), slim_network.input_shape[-1]
    if inputs.ndim != 1 + rank or inputs.shape[-1] != last:
        raise ValueError(f"{network_name} takes no stimuli of shape {list(np.shape(stimuli))}")
    with _slim_graph() as graph, v1.Session() as session:
        placeholder = v1.placeholder(tf.float32, inputs.shape)
        _, end_points = slim_network.build(placeholder, inference=True)
        tensors = {
            layer: graph.get_tensor_by_name(name) if name.endswith(":0") else end_points[name]
            for layer, name in slim_network.tensors.items()
        }
        v1.train.Saver().restore(session, os.fspath(checkpoint))
        values = session.run(tensors, {placeholder: inputs})
    return {layer: _per_stimulus(value, len(stimuli)) for layer, value in values.items()}


def compare(
    network: Network, checkpoint: str | os.PathLike, stimuli: np.ndarray
) -> dict[str, float]:
    """Return metamer layer -> relative L2 error of our activations against TF-Slim's.

    Args:
        network: our network, with the weights of `checkpoint`, under TF-Slim's name of it.
        checkpoint: TF1 checkpoint, a V1 file or a V2 prefix.
        stimuli: [batch, *network.stimulus_shape], images in [0, 1].
    """
    expected = reference_activations(network.name, checkpoint, stimuli)
    ours = network.activations(stimuli, tuple(expected))
    return {
        layer: _relative_error(ours[layer].ravel(), expected[layer].ravel()) for layer in expected
    }


@contextmanager
def _slim_graph() -> Iterator[tf.Graph]:
    """Give a graph for TF-Slim's layers.

    Each of them puts all variables there are into a set. Compared as TensorFlow 2 does, they make
    that a quarter of the time.
    """
    v1.disable_tensor_equality()
    try:
        with tf.Graph().as_default() as graph:
            yield graph
    finally:
        v1.enable_tensor_equality()


def _per_stimulus(values: np.ndarray, n_stimuli: int) -> np.ndarray:
    """Drop the axes of a 1 x 1 map, and give the patches of a stimulus an axis of their own."""
    if values.shape[1:3] == (1, 1):
        values = values.reshape(len(values), -1)
    if len(values) == n_stimuli:
        return values
    return values.reshape(n_stimuli, -1, *values.shape[1:])


def _relative_error(values: np.ndarray, expected: np.ndarray) -> float:
    if values.shape != expected.shape:
        return float("inf")
    return float(np.linalg.norm(values - expected) / np.linalg.norm(expected))


def _random_value(name: str, shape: list[int], rng: np.random.Generator) -> np.ndarray:
    kind = name.rsplit("/", 1)[-1]
    if kind == "global_step":
        return np.array(0, np.int64)
    if kind in ("moving_variance", "gamma"):
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    if kind != "weights":
        return 0.5 * rng.standard_normal(shape, np.float32)
    gain = np.sqrt(2.0 / np.prod(shape[:-1]))
    if name.endswith("bottleneck_v2/conv3/weights"):
        # 33 residuals of full size would double the sum at each unit and drown every bias in it.
        gain *= 0.25
    return np.float32(gain) * rng.standard_normal(shape, np.float32)


def _slim_network(name: str) -> SlimNetwork:
    networks = _slim_networks()
    if name not in networks:
        raise ValueError(f"TF-Slim has no network {name!r}; known: {', '.join(networks)}")
    return networks[name]


def _slim_networks() -> dict[str, SlimNetwork]:
    return {
        "vgg_19": SlimNetwork(
            build=_build_vgg_19,
            input_shape=(224, 224, 3),
            preprocess=lambda images: images * 255 - np.array(vgg.CHANNEL_MEANS, np.float32),
            tensors={
                layer: f"vgg_19/{layer[:5]}/{layer}" if "_" in layer else f"vgg_19/{layer}"
                for layer in vgg.METAMER_LAYERS
            },
            unused={"vgg_19/mean_rgb": np.array(vgg.CHANNEL_MEANS, np.float32)},
        ),
        "inception_v3": SlimNetwork(
            build=_build_inception_v3,
            input_shape=(299, 299, 3),
            preprocess=lambda images: 2 * images - 1,
            tensors={layer: layer for layer in inception.METAMER_LAYERS},
            unused={},
        ),
        "resnet_v2_101": SlimNetwork(
            build=_build_resnet_v2_101,
            input_shape=(299, 299, 3),
            preprocess=lambda images: 2 * images - 1,
            # The averaged map is no end point of tf_slim 1.1, only a tensor.
            tensors={layer: f"resnet_v2_101/{layer}" for layer in resnet.METAMER_LAYERS}
            | {"global_pool": "resnet_v2_101/pool5:0"},
            unused={},
        ),
        "vggish": SlimNetwork(
            build=_build_vggish,
            input_shape=(vggish.PATCH_FRAMES, LogMelConfig().n_bands),
            preprocess=_log_mel_patches,
            tensors={layer: _vggish_tensor(layer) for layer in vggish.METAMER_LAYERS},
            unused={},
        ),
    }


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


def _build_vggish(patches: tf.Tensor, inference: bool) -> tuple:
    _alias_legacy_layers()
    import tf_slim

    with v1.variable_scope("vggish"):
        x = patches[..., None]
        for block, channels in (("conv1", 64), ("conv2", 128)):
            x = tf_slim.conv2d(x, channels, 3, scope=block)
            x = tf_slim.max_pool2d(x, 2, padding="SAME")
        for block, channels in (("conv3", 256), ("conv4", 512)):
            x = tf_slim.repeat(x, 2, tf_slim.conv2d, channels, 3, scope=block)
            x = tf_slim.max_pool2d(x, 2, padding="SAME")
        x = tf_slim.repeat(tf_slim.flatten(x), 2, tf_slim.fully_connected, 4096, scope="fc1")
        x = tf_slim.fully_connected(x, 128, activation_fn=None, scope="fc2")
        return tf.identity(x, name="embedding"), {}


def _vggish_tensor(layer: str) -> str:
    block, in_block, _ = layer.partition("_")
    if layer == "embedding":
        return "vggish/embedding:0"
    return f"vggish/{block}/{layer}/Relu:0" if in_block else f"vggish/{layer}/Relu:0"


def _log_mel_patches(waveforms: np.ndarray) -> np.ndarray:
    """Return the patches [batch x patches, frames, bands] of waveforms [batch, samples]."""
    spectrograms = LogMel(LogMelConfig(n_samples=waveforms.shape[-1]))(waveforms).numpy()
    n_patches = spectrograms.shape[1] // vggish.PATCH_FRAMES
    whole = spectrograms[:, : n_patches * vggish.PATCH_FRAMES]
    return whole.reshape(-1, vggish.PATCH_FRAMES, spectrograms.shape[-1])


def _alias_legacy_layers() -> None:
    """Let tf_slim 1.1, written for TF1, find the layers that now live in a private module."""
    import tf_keras.src.legacy_tf_layers as legacy_tf_layers

    sys.modules.setdefault("tf_keras.legacy_tf_layers", legacy_tf_layers)
