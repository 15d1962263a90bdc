"""What a network's classes are called, for people who read pages. Without TensorFlow."""

from collections.abc import Mapping, Sequence

from model_metamers.networks.catalog import entry_of
from model_metamers.networks.catalog_entry import Readout
from model_metamers.networks.identity import SMALL, NetworkIdentity, identity_of
from model_metamers.paper import load_table
from model_metamers.stimuli.labels import SMALL_BACKGROUND_LABELS, SMALL_WORD_LABELS
from model_metamers.stimuli.made import objects


def class_names(network: str, known: Mapping[str, NetworkIdentity]) -> Sequence[str]:
    """Return the names of the classes that label_natural and label_metamer count, in order.

    Args:
        network: name of the network.
        known: name -> identity, of networks that may be parts of others.

    Returns:
        The names; none for a network that is not in the catalogue, or that answers with none.
    """
    entry = entry_of(identity_of(network, known))
    if entry is None:
        return ()
    task, readout = next(iter(entry.readouts.items()))  # the labels are those of the first
    return readout.labels or _names_of_task(task, readout, entry.identity.scale == SMALL)


def _names_of_task(task: str, readout: Readout, is_small: bool) -> Sequence[str]:
    if task == "objects":
        return objects.FINE_CLASSES
    if task == "imagenet":
        synonyms = load_table("imagenet_labels").labels
        first = [str(names).split(",")[0] for names in synonyms]
        return ["background"] * readout.class_offset + first
    if task == "word":
        return SMALL_WORD_LABELS if is_small else list(load_table("word_labels").word)
    return SMALL_BACKGROUND_LABELS if task == "background" and is_small else ()


def class_name(index: str, names: Sequence[str]) -> str:
    """Return the name of a class, or "class 12" where it has none."""
    is_known = index.isdecimal() and int(index) < len(names)
    return names[int(index)] if is_known else f"class {index}"
