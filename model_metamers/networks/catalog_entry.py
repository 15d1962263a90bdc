"""What a row of the catalogue tells about a network.

Rows are data, without TensorFlow: tables, figures and the command line read them. What needs Keras
is in the architecture's own module, which a row imports when somebody asks for its `blueprint`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from model_metamers.networks.identity import NetworkIdentity

if TYPE_CHECKING:
    import keras

    from model_metamers.networks.checkpoints import Naming


@dataclass(frozen=True)
class Readout:
    """A classification the network makes.

    The experiments score a network by the names of its readouts. A network of images needs
    "imagenet" (ImageNet's 1000 classes in their order, after `class_offset`) or "objects" (our 64
    rendered ones), a network of sounds "word". Readouts of other names are not scored.

    Attributes:
        layer: layer whose output, flattened to [batch, n_classes], are the logits.
        class_offset: index of the task's first class; 1 where a background class comes before.
        labels: one name per class, or empty where the names are known elsewhere.
    """

    layer: str
    class_offset: int = 0
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class Download:
    """A published checkpoint.

    Attributes:
        url: official address of the file.
        filename: name under which the file is kept.
        mirrors: addresses of the same file, tried in order when `url` fails.
        member: checkpoint inside the file, when that is a tar archive; None for a plain file.
        size_bytes: of the file; None where it is not known.
        sha256: of the file, hexadecimal; None where it is not known.
    """

    url: str
    filename: str
    mirrors: tuple[str, ...] = ()
    member: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class PackagedFile:
    """A file of weights inside a package of the Python index.

    Attributes:
        distribution: the package's name on the index.
        version: its release.
        filename: the file, as an installation places it beside other packages.
        sha256: of the file.
    """

    distribution: str
    version: str
    filename: str
    sha256: str


@dataclass(frozen=True)
class Blueprint:
    """What an architecture's module knows about a network.

    Attributes:
        build: returns the Keras model, without weights.
        metamer_layers: from the input upwards.
        slim_scope: outermost variable scope of its checkpoint ("" for our own files).
        naming: the names in its checkpoint; None for TF-Slim's.
        learning_rates: layer -> Adam's rate in the paper, where that is not `SynthesisConfig`'s.
    """

    build: "Callable[..., keras.Model]"
    metamer_layers: tuple[str, ...]
    slim_scope: str = ""
    naming: "Naming | None" = None
    learning_rates: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class CatalogEntry:
    """One row of the catalogue.

    Attributes:
        identity: the network's name, and what else tells it from others.
        load: imports the architecture's module and returns what that knows.
        readouts: task -> its logits; see `Readout` for the names that are scored.
        download: the published checkpoint; None where none was published, so that the weights
            are our own, <name>.npz; see `locations`.
        package: the package that brings the weights; None where none does.
        training_script: makes <name>.npz anew; None where no script does.
        always_random: the network is never trained, so its weights come from the seed.
        stimulus_range: bounds of a stimulus; None for sounds, which have none.
        sample_rate_hz: of a sound; None for images.
    """

    identity: NetworkIdentity
    load: Callable[[], Blueprint]
    readouts: Mapping[str, Readout]
    download: Download | None = None
    package: PackagedFile | None = None
    training_script: str | None = None
    always_random: bool = False
    stimulus_range: tuple[float, float] | None = (0.0, 1.0)
    sample_rate_hz: int | None = None

    @cached_property
    def blueprint(self) -> Blueprint:
        """What the architecture's module knows; imports Keras."""
        return self.load()

    @property
    def build(self) -> "Callable[..., keras.Model]":
        """Returns the Keras model, without weights."""
        return self.blueprint.build

    @property
    def metamer_layers(self) -> tuple[str, ...]:
        """The layers that metamers are made for, from the input upwards."""
        return self.blueprint.metamer_layers

    @property
    def learning_rates(self) -> Mapping[str, float]:
        """Layer -> Adam's rate in the paper, where that is not `SynthesisConfig`'s."""
        return self.blueprint.learning_rates
