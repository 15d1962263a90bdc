"""Keras' settings under which the catalogue's networks are built."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def usual_settings() -> Iterator[None]:
    """Compute in float32, channels last, whatever the caller or keras.json has chosen.

    In half precision a published network answers a little differently, without a word.
    """
    import keras

    policy, floatx = keras.config.dtype_policy(), keras.config.floatx()
    layout = keras.config.image_data_format()
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.config.set_image_data_format("channels_last")
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)
        keras.config.set_image_data_format(layout)
