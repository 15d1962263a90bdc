"""Values checked where they enter: what a network is given is right, or refused in one line."""

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

_TOLERANCE = 1e-6  # of the range: rounding of stimuli that were computed
_LISTED = 8  # names in a message


def stimulus_range(bounds: Any) -> tuple[float, float] | None:
    """Return (lowest, highest) as floats, or None for stimuli without bounds.

    Raises:
        ValueError: anything but two numbers of which the first is lower.
    """
    if bounds is None:
        return None
    is_text = isinstance(bounds, str | bytes)
    values = list(bounds) if np.iterable(bounds) and not is_text else [bounds]
    if len(values) != 2 or not all(map(_is_number, values)) or not values[0] < values[1]:
        raise ValueError(
            f"stimulus_range must be (lowest, highest), two numbers of which the first is lower, "
            f"or None for stimuli without bounds; got {repr(bounds)[:80]}"
        )
    low, high = float(values[0]), float(values[1])
    with np.errstate(over="ignore"):
        ends = np.array([low, high], np.float32)
        width = ends[1] - ends[0]
    is_open = np.isinf([low, high])
    if (np.isinf(ends) != is_open).any() or width == 0 or (not is_open.any() and np.isinf(width)):
        raise ValueError(
            f"stimulus_range={bounds!r} is wider, or narrower, than single precision can hold; "
            f"give a range like (0, 1) or (0, 255)"
        )
    return low, high


def layer_names(layers: Any, argument: str) -> tuple[str, ...]:
    """Return names of layers, each of them once.

    Args:
        layers: the names.
        argument: what they were given as, for messages.

    Raises:
        ValueError: no names, one twice, or something else than text.
    """
    names = _texts(layers, argument, "names of layers")
    if not names:
        raise ValueError(f"{argument} is empty; name at least one layer")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{argument} has {', '.join(repeated)} more than once; name layers once")
    return names


def layer_name(layer: Any) -> str:
    """Return the name of a layer, or raise ValueError for something else than text."""
    if not isinstance(layer, str):
        raise ValueError(f"layer must be the name of one layer; got {layer!r}")
    return layer


def labels(classes: Any, output_shape: Sequence[int], network: str) -> tuple[str, ...]:
    """Return class names, one per output, or none for None.

    Raises:
        ValueError: another number of names, or something else than text.
    """
    if classes is None:
        return ()
    names = _texts(classes, "labels", "names of classes")
    if len(names) != np.prod(output_shape):
        raise ValueError(
            f"labels must name each output of {network}, which has outputs of shape "
            f"{tuple(output_shape)}; got {len(names)} labels"
        )
    return names


def sample_rate_hz(rate: Any) -> int | None:
    """Return a sample rate as a whole number, None for images.

    Raises:
        ValueError: not a positive whole number.
    """
    if rate is None:
        return None
    if not _is_number(rate) or not np.isfinite(rate) or rate <= 0 or rate != int(rate):
        raise ValueError(
            f"sample_rate_hz must be a positive whole number of samples per second, or None for "
            f"images; got {rate!r}"
        )
    return int(rate)


def stimuli(
    values: Any,
    network: str,
    shape: Sequence[int],
    bounds: tuple[float, float] | None,
) -> np.ndarray:
    """Return stimuli as float32 [batch, *shape].

    NaN and Inf pass where bounds do not exclude them: synthesis ends such stimuli as diverged.
    What is outside by rounding is clipped.

    Args:
        values: floats, or whole numbers where the range has many of them.
        network: its name, for messages.
        shape: of one stimulus.
        bounds: (lowest, highest), or None.

    Raises:
        ValueError: another shape or kind of values, or values outside the bounds.
    """
    array = _as_numbers(values, network, bounds)
    if array.shape[1:] != tuple(shape) or array.ndim == 0 or len(array) == 0:
        expected = ", ".join(map(str, ("batch", *shape)))
        raise ValueError(
            f"{network} takes stimuli of shape [{expected}]; got {list(array.shape)}"
            + (". Add the batch: stimulus[np.newaxis]" if array.shape == tuple(shape) else "")
        )
    return array.astype(np.float32) if bounds is None else _within(array, network, bounds)


def listed(names: Sequence[str]) -> str:
    """Return names for a message, the first of them where they are many."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def first_line(error: Exception) -> str:
    """Return in one line what an exception says, without what Keras and TensorFlow put around."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).partition("Arguments received by")[0]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("Exception encountered")]
    if lines and lines[0].startswith(("in user code", "Graph execution error")):
        lines = [line for line in lines if not line.startswith("[[")][-1:]  # after a traceback
    if len(lines) > 1 and lines[0].endswith(":"):  # what follows is the reason
        lines[0] = f"{lines[0]} {lines[1]}"
    return lines[0][:300] if lines else type(error).__name__


def _as_numbers(values: Any, network: str, bounds: tuple[float, float] | None) -> np.ndarray:
    if np.ma.is_masked(values):
        raise ValueError(
            f"{network} takes stimuli without masked values; fill them: stimuli.filled(value)"
        )
    try:
        array = np.asarray(values)
    except ValueError as error:  # rows of several lengths
        raise ValueError(
            f"{network} takes one array of stimuli; got what makes none ({error})"
        ) from None
    if str(array.dtype) == "bfloat16":  # which NumPy does not count among floats
        array = array.astype(np.float32)
    few_whole_numbers = bounds is None or bounds[1] - bounds[0] <= 2
    if array.dtype.kind in "ui" and few_whole_numbers:
        raise ValueError(
            f"{network} takes floats {_in_words(bounds)}; got whole numbers ({array.dtype}). "
            f"Convert them, for instance with stimuli.astype('float32'){_scaled(array, bounds)}"
        )
    if array.dtype.kind not in "fui":
        raise ValueError(
            f"{network} takes real numbers {_in_words(bounds)}; got an array of {array.dtype}. "
            f"Convert it to float32"
        )
    return array


def _scaled(whole: np.ndarray, bounds: tuple[float, float] | None) -> str:
    """Return the arithmetic that brings all values of a whole-number type into the bounds."""
    n_bits = 8 * whole.dtype.itemsize
    if whole.dtype.kind == "i" and bounds in (None, (-1.0, 1.0)):
        return f" / {2 ** (n_bits - 1)}"
    if bounds == (-1.0, 1.0):
        return f" / {(2**n_bits - 1) / 2} - 1"
    return f" / {2**n_bits - 1 if whole.dtype.kind == 'u' else 255}"


def _within(array: np.ndarray, network: str, bounds: tuple[float, float]) -> np.ndarray:
    lowest, highest = (float(f.reduce(array, axis=None)) for f in (np.fmin, np.fmax))
    low, high = bounds
    ends = [abs(end) for end in bounds if np.isfinite(end)]
    size = high - low if len(ends) == 2 else max([1.0, *ends])
    if lowest < low - _TOLERANCE * size or highest > high + _TOLERANCE * size:
        raise ValueError(
            f"{network} takes stimuli {_in_words(bounds)}; got values from {lowest:g} to "
            f"{highest:g}. {_remedy(lowest, highest, bounds)}"
        )
    array = array.astype(np.float32)
    return np.clip(array, low, high) if lowest < low or highest > high else array


def _remedy(lowest: float, highest: float, bounds: tuple[float, float]) -> str:
    if lowest >= 0 and highest <= 255 and bounds == (0, 1):
        return "Divide by 255"
    if lowest >= 0 and highest <= 255 and bounds == (-1, 1):
        return "Divide by 127.5 and subtract 1"
    return "Scale or clip them, or give the network another stimulus_range (None for no bounds)"


def _in_words(bounds: tuple[float, float] | None) -> str:
    return "of any size" if bounds is None else f"in [{bounds[0]:g}, {bounds[1]:g}]"


def _texts(values: Any, argument: str, meaning: str) -> tuple[str, ...]:
    if isinstance(values, str | bytes):
        raise ValueError(f"{argument} must be a list of {meaning}; got the text {values!r}")
    items = list(values) if np.iterable(values) else [values]
    if not all(isinstance(item, str) for item in items):
        others = [item for item in items if not isinstance(item, str)]
        raise ValueError(f"{argument} must be {meaning} as text; got {others[0]!r}")
    return tuple(map(str, items))


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float | np.integer | np.floating)
    try:
        return is_number and not isinstance(value, bool) and not math.isnan(value)
    except OverflowError:  # a whole number that no float can hold
        return False
