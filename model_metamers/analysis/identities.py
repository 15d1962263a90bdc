"""Which networks a run folder's names stand for."""

from model_metamers.networks.catalog import known_identities
from model_metamers.networks.identity import NetworkIdentity
from model_metamers.store import RunFolder


def identities_of(folder: RunFolder) -> dict[str, NetworkIdentity]:
    """Return name -> identity of the networks that a run recorded, and of all we know.

    Folders of earlier versions recorded none: their names are in the catalogue.
    """
    recorded = folder.read_run_record().get("networks", {})
    return known_identities() | {
        name: NetworkIdentity(**fields) for name, fields in recorded.items()
    }
