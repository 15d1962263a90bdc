"""How a run's networks are drawn: their identities, as the plotting takes them."""

from collections.abc import Mapping

from model_metamers.analysis.identities import identities_of
from model_metamers.networks.identity import NetworkIdentity
from model_metamers.plotting.style import NetworkStyle, network_style
from model_metamers.store import RunFolder


def styles_of(folder: RunFolder) -> dict[str, NetworkStyle]:
    """Return name -> style of the networks of a run folder."""
    return styles_for(identities_of(folder))


def styles_for(identities: Mapping[str, NetworkIdentity]) -> dict[str, NetworkStyle]:
    """Return name -> style of networks."""
    return {
        name: network_style(
            network.base,
            network.label,
            network.scale,
            network.seed,
            network.place,
            network.short_label,
        )
        for name, network in identities.items()
    }
