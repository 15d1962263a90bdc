"""The 2019 solver: TF1's Adam with a continuously decaying rate.

Source: tf.compat.v1.train.AdamOptimizer and exponential_decay; the rates are those of the paper's
released code (BUILD_NOTES.md, ledger).
"""

from dataclasses import dataclass

import tensorflow as tf

from model_metamers.synthesis.config import SynthesisConfig
from model_metamers.synthesis.objective import Evaluation, per_stimulus, sum_over_features
from model_metamers.synthesis.solver import Advance, Bounds, Rows


@dataclass(frozen=True)
class Adam:
    """Adam for every stimulus on its own. Its rows are the moments m and v, like the metamers."""

    config: SynthesisConfig
    bounds: Bounds

    def start(self, metamer: tf.Tensor) -> Rows:
        """Return the rows before the first step."""
        return {"m": tf.zeros_like(metamer), "v": tf.zeros_like(metamer)}

    def point(self, metamer: tf.Tensor, rows: Rows) -> tf.Tensor:
        """Return where the objective is evaluated next: at the metamer."""
        return metamer

    def advance(
        self, metamer: tf.Tensor, rows: Rows, step: tf.Tensor, found: Evaluation
    ) -> Advance:
        """Take one step; a stimulus diverges where the step is not finite, and stops nowhere."""
        x, m, v = adam_step(
            metamer, rows["m"], rows["v"], step, found.gradient, self.config, self.bounds.width
        )
        x = self.bounds.clip(x)
        # A NaN or Inf anywhere on the way to the gradient, or a gradient that overflows when it is
        # squared, shows in the moments. Clipping hides an infinite step, but no NaN.
        finite = tf.math.is_finite(
            sum_over_features(v) + sum_over_features(tf.abs(m)) + sum_over_features(tf.abs(x))
        )
        return Advance(x, {"m": m, "v": v}, stopped=tf.zeros_like(finite), diverged=~finite)

    def loss(self, rows: Rows) -> tf.Tensor | None:
        """Return None: the loss after a step is known only from the next evaluation."""
        return None


def adam_step(
    x: tf.Tensor,
    m: tf.Tensor,
    v: tf.Tensor,
    step: tf.Tensor,
    gradient: tf.Tensor,
    config: SynthesisConfig,
    width: float = 1.0,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Take one step of TF1's Adam with a continuously decaying rate, for each stimulus on its own.

    Args:
        x: metamers [batch, ...], float.
        m: first moments, like `x`.
        v: second moments, like `x`.
        step: steps taken before this one, int32 [batch].
        gradient: of the objective, like `x`.
        config: rates and constants.
        width: of the stimulus range, the unit of `x`: the same network behind a rescaling takes
            the same steps in that unit. Gradients are in its inverse, and so is epsilon.

    Returns:
        New x, m, v.
    """
    t = tf.cast(step, tf.float32)
    rate = width * config.learning_rate * config.decay_rate ** (t / config.decay_steps)
    rate *= tf.sqrt(1 - config.beta_2 ** (t + 1)) / (1 - config.beta_1 ** (t + 1))
    rate = per_stimulus(rate, x)
    m = config.beta_1 * m + (1 - config.beta_1) * gradient
    v = config.beta_2 * v + (1 - config.beta_2) * gradient**2
    return x - rate * m / (tf.sqrt(v) + config.epsilon / width), m, v
