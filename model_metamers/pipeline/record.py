"""What run.json tells of how a run is made, whoever makes it."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import keras
import tensorflow as tf

from model_metamers.networks.network import Network


def made_by(networks: Sequence[Network]) -> dict[str, Any]:
    """Return versions, devices, and the networks' weights, identities and layers.

    They are arguments of `RunFolder.write_run_record`.
    """
    return {
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
        "device": ", ".join(device.name for device in tf.config.list_logical_devices()),
        "checkpoint_sha256": {network.name: network.weights_sha256 for network in networks},
        "networks": {network.name: asdict(network.identity) for network in networks},
        "layer_order": {network.name: list(network.metamer_layers) for network in networks},
    }
