"""Model metamers: stimuli that one layer of a network cannot tell from a natural one.

    import model_metamers as mm
    network = mm.load_network("vgg_19_small")
    result = mm.synthesize(network, "conv3_4", images, mm.SynthesisConfig(iterations=1000))

The names below are the public interface. They are imported on first use, so that drawing a figure
from tables does not start TensorFlow.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what type checkers and editors see of the names below
    from model_metamers.frontends.cochleagram import Cochleagram
    from model_metamers.networks.catalog import list_networks, load_network
    from model_metamers.networks.network import Network
    from model_metamers.recognition import proportion_correct, sixteen_way
    from model_metamers.synthesis import SynthesisConfig, synthesize
    from model_metamers.validation import NullDistribution, accept, null_distribution, spearman

__version__ = "0.1.0"

_PUBLIC = {
    "Cochleagram": "frontends.cochleagram",
    "Network": "networks.network",
    "NullDistribution": "validation",
    "SynthesisConfig": "synthesis",
    "accept": "validation",
    "list_networks": "networks.catalog",
    "load_network": "networks.catalog",
    "null_distribution": "validation",
    "proportion_correct": "recognition",
    "sixteen_way": "recognition",
    "spearman": "validation",
    "synthesize": "synthesis",
}

__all__ = [
    "Cochleagram",
    "Network",
    "NullDistribution",
    "SynthesisConfig",
    "accept",
    "list_networks",
    "load_network",
    "null_distribution",
    "proportion_correct",
    "sixteen_way",
    "spearman",
    "synthesize",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
