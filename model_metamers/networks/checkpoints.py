"""Weights of the networks: read TF-Slim, TF-Hub, frozen and our own files, write our own.

Variables go by their TF-Slim names ("vgg_19/conv1/conv1_1/weights"); `blocks` tells how a Keras
layer's name gives its scope. Files with other names come with a function that tells them
(`word_cnn_checkpoint`). Nothing is assigned unless a file fits completely.

Kernels: [height, width, in, out] for convolutions, [in, out] for fully connected layers. A file
may store a convolution over its whole input where we have a fully connected layer, or the reverse.
"""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np

from model_metamers.files import atomic_file
from model_metamers.networks.files import damage_told
from model_metamers.networks.stored_weights import opened
from model_metamers.networks.torch_state import SUFFIXES as TORCH_SUFFIXES

# What training leaves behind, and the auxiliary classifier: no part of inference.
_NOT_INFERENCE = re.compile(
    r"(^|/)(global_step|save_counter|mean_rgb|AuxLogits|Momentum|ExponentialMovingAverage"
    r"|(RMSProp|Adam|Adagrad|Adadelta|Ftrl)(_\d+)?|beta[12]_power)(/|$)|\.num_batches_tracked$"
)
_SLIM_NAMES = {"kernel": "weights", "bias": "biases"}
_SLIM_DEPTHWISE_NAMES = _SLIM_NAMES | {"kernel": "depthwise_weights"}
_NAMES_SHOWN = 5

# (model, name -> shape of what a file holds) -> name in the file -> variable of the model.
Naming = Callable[[keras.Model, Mapping[str, tuple[int, ...]]], dict[str, keras.Variable]]


def checkpoint_variables(model: keras.Model, scope: str) -> dict[str, keras.Variable]:
    """Return TF-Slim variable name -> variable, for every weight of a model.

    Args:
        model: functional model whose layer names follow the rule in `blocks`.
        scope: outermost variable scope ("vgg_19"), or "" for none.

    Raises:
        ValueError: two weights would have the same name.
    """
    variables = {}
    for layer in model.layers:
        layer_scope = layer.name.removesuffix(".linear").replace(".", "/")
        is_depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        slim_names = _SLIM_DEPTHWISE_NAMES if is_depthwise else _SLIM_NAMES
        # `weights`, not `variables`: a dropout layer's random state is no part of a checkpoint.
        for variable in layer.weights:
            inner = f"/{variable.path}".partition(f"/{layer.name}/")[2] or variable.name
            parts = (scope, layer_scope, slim_names.get(inner, inner))
            name = "/".join(part for part in parts if part)
            if name in variables:
                raise ValueError(f"two weights of {model.name} share the checkpoint name {name}")
            variables[name] = variable
    return variables


def renamed(names: Mapping[str, str]) -> Naming:
    """Return the naming of files whose names are listed.

    Args:
        names: name of `checkpoint_variables`, without a scope -> name in the file.
    """

    def naming(
        model: keras.Model, stored_shapes: Mapping[str, tuple[int, ...]]
    ) -> dict[str, keras.Variable]:
        variables = checkpoint_variables(model, scope="")
        return {names[name]: variable for name, variable in variables.items()}

    return naming


def load_weights(
    model: keras.Model, source: str | os.PathLike, scope: str, naming: Naming | None = None
) -> str:
    """Give a model the weights of a file.

    Args:
        model: functional model whose layer names follow the rule in `blocks`.
        source: TF1 checkpoint (V1 file, V2 prefix or one of its files), a tar archive that holds
            one, a TF-Hub handle (https://...), the folder of a SavedModel, a frozen graph (.pb), a
            state dict of PyTorch (.pth, .pt), or our own .npz; see `stored_weights`.
        scope: outermost variable scope in the file ("vgg_19"); what lies outside it is no part of
            the network. Our own files have none, so for them it is ignored.
        naming: the names that the file's variables have, where they are not TF-Slim's. Then a
            misfit names all of them (but PyTorch's). Ignored for our own files.

    Returns:
        SHA-256 of the file (of its files one after another, in alphabetical order, when several).

    Raises:
        ValueError: the file is missing, damaged, or of another network; missing, unexpected and
            misshapen variables are all named. The model is then unchanged.
    """
    source = os.fspath(source)
    try:
        with opened(source, model.name) as stored:
            if stored.is_ours:
                scope, naming = "", None
            if naming is None:
                variables, n_shown = checkpoint_variables(model, scope), _NAMES_SHOWN
            else:
                variables = naming(model, stored.shapes)
                is_listed = source.endswith(TORCH_SUFFIXES)  # such names are known, not inferred
                n_shown = _NAMES_SHOWN if is_listed else 2 * len(variables)
            stored_names = _match(stored.shapes, variables, scope, source, n_shown)
            with damage_told(source):
                values = {
                    name: _numbers(stored.read(stored_names[name]), variable, stored_names[name])
                    for name, variable in variables.items()
                }
    except OSError as error:
        raise ValueError(f"cannot read {source}: {error}") from error
    for name, variable in variables.items():
        variable.assign(values[name])
    return stored.sha256


def _numbers(values: np.ndarray, variable: keras.Variable, name: str) -> np.ndarray:
    """Return a stored array as a variable takes it.

    Raises:
        ValueError: it holds no numbers, or such as its type has none for.
    """
    if values.dtype.kind not in "fiu" and values.dtype.name != "bfloat16":
        raise ValueError(f"{name} holds no real numbers, but {values.dtype}")
    with np.errstate(over="ignore"):
        numbers = np.reshape(values, variable.shape).astype(variable.dtype)
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} has weights that are infinite or not a number")
    return numbers


def save_weights(
    model: keras.Model, path: str | os.PathLike, dtype: type[np.floating] = np.float16
) -> None:
    """Write a model's weights as a plain .npz, atomically.

    Kernels are stored in `dtype`, vectors in float32: batch-norm variances may leave float16's
    range. Reading restores float32.

    Raises:
        ValueError: `path` does not end in .npz, or a weight is not finite in its stored type.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"our own weights are .npz files; got {path}")
    arrays = {}
    for name, variable in checkpoint_variables(model, "").items():
        values = keras.ops.convert_to_numpy(variable)
        with np.errstate(over="ignore"):
            arrays[name] = values.astype(dtype if values.ndim > 1 else np.float32)
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} of {model.name} is not finite as {arrays[name].dtype}")
    with atomic_file(path) as file:
        np.savez(file, **arrays)


def _match(
    stored_shapes: Mapping[str, tuple[int, ...]],
    variables: Mapping[str, keras.Variable],
    scope: str,
    source: str,
    n_shown: int,
) -> dict[str, str]:
    """Return variable name -> name in the file, or raise ValueError naming the misfits."""
    candidates = [name for name in sorted(stored_shapes) if not _NOT_INFERENCE.search(name)]
    scopes = sorted({name.removeprefix("module/").split("/")[0] for name in candidates})
    if scope:
        candidates = [name for name in candidates if f"/{scope}/" in f"/{name}"]
    if scope and not candidates:
        raise ValueError(
            f"{source} is of another network: expected variables under {scope}/, "
            f"found them under {_shortened(scopes, n_shown) or 'no scope'}"
        )
    names, unexpected = {}, []
    for stored_name in candidates:
        name = _within_scope(stored_name, scope)
        if name in variables and name not in names:
            names[name] = stored_name
        else:
            unexpected.append(stored_name)
    misshapen = [
        f"{name} {list(stored_shapes[stored])} instead of {list(variables[name].shape)}"
        for name, stored in names.items()
        if not _shape_fits(stored_shapes[stored], tuple(variables[name].shape))
    ]
    missing = [name for name in variables if name not in names]
    problems = {"missing": missing, "unexpected": unexpected, "of another shape": misshapen}
    if any(problems.values()):
        listed = (
            f"{kind}: {_shortened(found, n_shown)}" for kind, found in problems.items() if found
        )
        raise ValueError(f"{source} does not fit the network; {'; '.join(listed)}")
    return names


def _within_scope(stored_name: str, scope: str) -> str:
    """Drop the scopes around the network's own: TF-Hub has "module/InceptionV3/..."."""
    _, found, inner = f"/{stored_name}".rpartition(f"/{scope}/")
    return f"{scope}/{inner}" if scope and found else stored_name


def _shape_fits(stored: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    """Tell whether values of the stored shape, in the same order, are the expected ones."""
    if stored[2:] == (1, *expected[2:3]) and expected[3:] == (1,):  # depthwise, from PyTorch
        return stored[:2] == expected[:2]
    if min(len(stored), len(expected)) == 2:
        stored, expected = ((int(np.prod(s[:-1])), s[-1]) for s in (stored, expected))
    elif len(expected) == 5 and len(stored) == 4:  # a convolution within each of several patches
        stored = (1, *stored)
    return stored == expected


def _shortened(names: list[str], n_shown: int) -> str:
    rest = len(names) - n_shown
    return ", ".join(names[:n_shown]) + (f" and {rest} more" if rest > 0 else "")
