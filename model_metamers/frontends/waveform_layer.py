"""What front ends are: Keras layers from waveforms to what a network hears."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras


class WaveformLayer(keras.layers.Layer):
    """A layer from waveforms [batch, n_samples] to float32 [batch, *feature_shape].

    A subclass has `call`, and `config_class`: a frozen dataclass with `sample_rate_hz`,
    `n_samples` and `feature_shape`.

    Args:
        config: parameters; by default those of `config_class()`.
        **kwargs: of `keras.layers.Layer`.

    Raises:
        ValueError: a waveform of another length.
    """

    config_class: Callable[..., Any]

    def __init__(self, config: Any = None, **kwargs: object) -> None:
        super().__init__(**{"dtype": "float32"} | kwargs)
        self.config = self.config_class() if config is None else config

    def build(self, input_shape: tuple) -> None:
        """Check the waveform's shape."""
        if len(input_shape) != 2 or input_shape[1] != self.config.n_samples:
            raise ValueError(
                f"{self.name} takes waveforms of shape [batch, {self.config.n_samples}] at "
                f"{self.config.sample_rate_hz} Hz; got {list(input_shape)}"
            )
        # Keras builds a layer once, and checks this at every later call.
        self.input_spec = keras.layers.InputSpec(shape=(None, self.config.n_samples))
        self.built = True

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """Return (batch, *feature_shape)."""
        return (input_shape[0], *self.config.feature_shape)

    def get_config(self) -> dict:
        """Return what Keras needs to build the layer again."""
        return super().get_config() | {"config": dataclasses.asdict(self.config)}

    @classmethod
    def from_config(cls, config: dict) -> "WaveformLayer":
        """Build the layer from `get_config`."""
        return cls(**config | {"config": cls.config_class(**config["config"])})
