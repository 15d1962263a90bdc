"""Operations whose backward pass is altered on purpose (paper, sections 2.3 and 3.2).

Four places need it. A rectifier at the matched layer blocks the gradient wherever the metamer's
unit is off, although the natural stimulus may want it on; the power and the logarithm that
compress a cochleagram or a spectrogram have infinite slope at zero, where a quiet sound lives; and
the magnitude of a spectrum has no slope at all there.

| operation                | forward            | backward, times the incoming gradient      |
|--------------------------|--------------------|--------------------------------------------|
| relu_linear_gradient     | min(max(x, 0), l)  | 1                                          |
| power_clipped_gradient   | x ** p             | clip(p x ** (p - 1), -c, c); NaN becomes c |
| log_clipped_gradient     | ln(x)              | clip(1 / x, -c, c); NaN becomes c          |
| magnitude                | abs(z)             | z / abs(z); 0 where z is 0                 |

All take and return tensors of any shape: float, but for the complex argument of `magnitude`.
"""

from collections.abc import Callable
from typing import TypeAlias

import tensorflow as tf

Gradient: TypeAlias = Callable[[tf.Tensor], tf.Tensor]


def relu_linear_gradient(x: tf.Tensor, limit: float = float("inf")) -> tf.Tensor:
    """Rectify `x`, but pass the gradient as if the operation were the identity.

    Use it on the matched layer only: every other rectifier keeps its true gradient. A rectifier
    that is clipped from above blocks the gradient at both ends, for the same reason.

    Args:
        x: pre-activations, any shape, float.
        limit: largest output; 20 in DeepSpeech's clipped rectifiers.

    Returns:
        min(max(x, 0), limit), same shape and dtype.

    Source: paper section 2.3, "modified gradient"; the limit is ours.
    """

    @tf.custom_gradient
    def rectify(x: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
        y = tf.nn.relu(x)
        if limit < float("inf"):
            y = tf.minimum(y, tf.cast(limit, y.dtype))
        return y, lambda upstream: upstream

    return rectify(tf.convert_to_tensor(x))


def power_clipped_gradient(x: tf.Tensor, exponent: float = 0.3, clip: float = 1.0) -> tf.Tensor:
    """Raise `x` to `exponent`, with the local derivative clipped to [-clip, clip].

    Args:
        x: non-negative values, any shape, float. A NaN derivative counts as `clip`.
        exponent: the power; 0.3 compresses cochlear envelopes.
        clip: largest magnitude of the derivative.

    Returns:
        x ** exponent, same shape and dtype.

    Source: paper section 3.2; the released code clips the power's gradient to [-1, 1].
    """

    @tf.custom_gradient
    def power(x: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
        y = tf.exp(exponent * tf.math.log(x))  # tf.pow takes several times as long

        def backward(upstream: tf.Tensor) -> tf.Tensor:
            # A division is cheaper than a second power; at zero it gives NaN.
            return upstream * _clip_derivative(exponent * y / x, clip)

        return y, backward

    return power(tf.convert_to_tensor(x))


def log_clipped_gradient(x: tf.Tensor, clip: float = 1.0) -> tf.Tensor:
    """Take the natural logarithm, with the local derivative clipped to [-clip, clip].

    Args:
        x: values, any shape, float; the forward value is that of `tf.math.log`.
        clip: largest magnitude of the derivative.

    Returns:
        ln(x), same shape and dtype.

    Source: paper section 3.2 (VGGish and DeepSpeech front ends).
    """

    @tf.custom_gradient
    def logarithm(x: tf.Tensor) -> tuple[tf.Tensor, Gradient]:
        def backward(upstream: tf.Tensor) -> tf.Tensor:
            return upstream * _clip_derivative(1.0 / x, clip)

        return tf.math.log(x), backward

    return logarithm(tf.convert_to_tensor(x))


@tf.custom_gradient
def magnitude(z: tf.Tensor) -> tf.Tensor:
    """Return |z| of a complex tensor, with the gradient zero where z is zero.

    TensorFlow's own gradient squares |z| on the way, which underflows for quiet sounds.
    """
    absolute = tf.abs(z)

    def backward(upstream: tf.Tensor) -> tf.Tensor:
        scale = tf.math.divide_no_nan(upstream, absolute)
        return tf.complex(scale, tf.zeros_like(scale)) * z

    return absolute, backward


def _clip_derivative(derivative: tf.Tensor, clip: float) -> tf.Tensor:
    limit = tf.cast(clip, derivative.dtype)
    clipped = tf.clip_by_value(derivative, -limit, limit)
    return tf.where(tf.math.is_nan(derivative), limit, clipped)
