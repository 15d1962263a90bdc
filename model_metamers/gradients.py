"""Operations whose backward pass is altered on purpose (paper, sections 2.3 and 3.2).

Three places need it. A rectifier at the matched layer blocks the gradient wherever the metamer's
unit is off, although the natural stimulus may want it on; and the power and the logarithm that
compress a cochleagram or a spectrogram have infinite slope at zero, where a quiet sound lives.

| operation                | forward       | backward, times the incoming gradient      |
|--------------------------|---------------|--------------------------------------------|
| relu_linear_gradient     | max(x, 0)     | 1                                          |
| power_clipped_gradient   | x ** p        | clip(p x ** (p - 1), -c, c); NaN becomes c |
| log_clipped_gradient     | ln(x)         | clip(1 / x, -c, c); NaN becomes c          |

All take and return float tensors of any shape.
"""

import tensorflow as tf


@tf.custom_gradient
def relu_linear_gradient(x: tf.Tensor) -> tf.Tensor:
    """Rectify `x`, but pass the gradient as if the operation were the identity.

    Use it on the matched layer only: every other rectifier keeps its true gradient.

    Args:
        x: pre-activations, any shape, float.

    Returns:
        max(x, 0), same shape and dtype.

    Source: paper section 2.3, "modified gradient".
    """
    return tf.nn.relu(x), lambda upstream: upstream


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
    def power(x):
        def backward(upstream):
            return upstream * _clip_derivative(exponent * tf.pow(x, exponent - 1.0), clip)

        return tf.pow(x, exponent), backward

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
    def logarithm(x):
        def backward(upstream):
            return upstream * _clip_derivative(1.0 / x, clip)

        return tf.math.log(x), backward

    return logarithm(tf.convert_to_tensor(x))


def _clip_derivative(derivative: tf.Tensor, clip: float) -> tf.Tensor:
    limit = tf.cast(clip, derivative.dtype)
    clipped = tf.clip_by_value(derivative, -limit, limit)
    return tf.where(tf.math.is_nan(derivative), limit, clipped)
