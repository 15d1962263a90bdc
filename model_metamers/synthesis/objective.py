"""What synthesis minimises, for every stimulus on its own, and its gradient.

With z the matched layer's pre-activation, r(z) = min(max(z, 0), limit) its response and t the
response to the natural stimulus, the logged loss is always

    loss = 1/2 sum (r - t)^2                                           (paper, section 2.1)

Where the layer does not end in a ReLU, r = z, and this is what is minimised. Where it does, the
modified gradient (paper, section 2.3) propagates r - t as if r were z. That is no gradient of the
loss, but it is the true gradient of

    psi(z) = sum( integral of r from 0 to z, minus t z ),    dpsi/dz = r - t,

which is convex in z and smallest, -1/2 sum t^2, exactly where r = t. A line search has to use
psi. What is computed is psi above its minimum, a Fenchel-Young loss,

    psi(z) + 1/2 sum t^2 = sum( 1/2 (r - t)^2 + (r - t)(z - r) ),

whose terms are all non-negative, so that nothing cancels close to a match. (Between the bounds
z = r; below, -t z >= 0; above, (limit - t)(z - limit) >= 0.)

All tensors are [batch, ...]; sums are over everything but the batch, in float32.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import tensorflow as tf


class MatchedResponse(Protocol):
    """The matched layer as a function of the stimuli (`Network.matched_response` returns it).

    Attributes:
        limit: None where the layer's response is its pre-activation; else the layer ends in a
            ReLU that lets through at most this (infinite where it is not clipped).
    """

    @property
    def limit(self) -> float | None:
        """Largest value that the layer's ReLU lets through."""

    @property
    def pre_activation(self) -> Callable[[tf.Tensor], tf.Tensor]:
        """Function to what goes into the layer's last ReLU, or else its output, [batch, ...]."""


class Evaluation(NamedTuple):
    """What one evaluation at stimuli [batch, ...] found.

    Attributes:
        response: of the matched layer, float32 [batch, ...].
        objective: what is minimised, [batch]; never below zero, its value at a match.
        loss: half the summed squared differences, [batch].
        gradient: of the objective, like the stimuli.
    """

    response: tf.Tensor
    objective: tf.Tensor
    loss: tf.Tensor
    gradient: tf.Tensor


def evaluation(matched: MatchedResponse) -> Callable[[tf.Tensor, tf.Tensor], Evaluation]:
    """Return the function (stimuli, target response) -> `Evaluation`."""

    def evaluate(stimuli: tf.Tensor, target: tf.Tensor) -> Evaluation:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(stimuli)
            # Half-precision networks respond in half precision, whose squares overflow at 256.
            z = tf.cast(matched.pre_activation(stimuli), tf.float32)
        response = z if matched.limit is None else rectified(z, matched.limit)
        difference = tf.ensure_shape(response - target, z.shape)
        gradient = tape.gradient(z, stimuli, output_gradients=difference)
        loss = 0.5 * sum_over_features(tf.square(difference))
        objective = loss
        if matched.limit is not None:
            objective = loss + sum_over_features(difference * (z - response))
        return Evaluation(response, objective, loss, gradient)

    return evaluate


def rectified(z: tf.Tensor, limit: float) -> tf.Tensor:
    """Return min(max(z, 0), limit)."""
    return tf.minimum(tf.nn.relu(z), limit)


def sum_over_features(values: tf.Tensor) -> tf.Tensor:
    """Sum [batch, ...] to [batch]."""
    return tf.reduce_sum(values, axis=range(1, values.shape.rank))


def per_stimulus(values: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """Reshape [batch] to broadcast against [batch, ...]."""
    return tf.reshape(values, [-1] + [1] * (like.shape.rank - 1))


def chosen(condition: tf.Tensor, a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    """Return the rows of `a` where the condition [batch] holds, else those of `b`."""
    # Takes rows as they are; the broadcasting of tf.where costs ten times as much.
    return tf.raw_ops.Select(condition=condition, x=a, y=b)
