"""Which network a name stands for: architecture, scale, seed, and what a figure calls it.

Names are for people and files. What the code has to know about a network is a field of its
identity; nobody takes a name apart. Without TensorFlow, so that figures and tables can ask.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

FULL, SMALL = "full", "small"


@dataclass(frozen=True)
class NetworkIdentity:
    """One network.

    Attributes:
        name: in tables, run folders and `load_network`.
        base: name of the network that it is a version of, which is itself at full scale and from
            the first seed: "word_reduced_aliasing". The published tables know networks by it.
        architecture: "vgg_19", "reduced_aliasing"; networks of one may differ in their training.
        label: what a figure calls the base.
        scale: `FULL` or `SMALL`; None for a network that comes in one size.
        seed: of its initialisation; 0 for the first, or only, one.
        place: of its colour and marker in the palette; None for one that follows from the name.
        short_label: where a figure has room for eight letters a line; "" for the label.
        part_of: name of the network that it is the upper part of; None for a whole one.
        above: layer of that network whose responses are its stimuli; None for a whole one.
    """

    name: str
    base: str
    architecture: str
    label: str
    scale: str | None = None
    seed: int = 0
    place: int | None = None
    short_label: str = ""
    part_of: str | None = None
    above: str | None = None

    def version(self, scale: str | None, seed: int = 0) -> "NetworkIdentity":
        """Return the identity of the base at another scale, or from another seed."""
        ending = (f"_{SMALL}" if scale == SMALL else "") + (f"_seed{seed}" if seed else "")
        return replace(self, name=f"{self.base}{ending}", scale=scale, seed=seed)

    def upper_part(self, layer: str) -> "NetworkIdentity":
        """Return the identity of the part of the network above a layer."""
        return replace(
            self,
            name=f"{self.name}.above_{layer}",
            label=f"{self.label} above {layer}",
            short_label="",
            part_of=self.part_of or self.name,
            above=layer,
        )


def own_identity(name: str) -> NetworkIdentity:
    """Return the identity of a network that is not in the catalogue: all we know is its name."""
    return NetworkIdentity(name, base=name, architecture=name, label=name)


def identity_of(name: str, known: Mapping[str, NetworkIdentity]) -> NetworkIdentity:
    """Return a network's identity among the known ones, or else what its name alone tells."""
    return known[name] if name in known else own_identity(name)
