"""Which networks a run folder's names stand for."""

from model_metamers.networks.catalog import known_identities
from model_metamers.networks.identity import NetworkIdentity
from model_metamers.store import RunFolder


def identities_of(folder: RunFolder) -> dict[str, NetworkIdentity]:
    """Return name -> identity of the networks that a run recorded, and of all we know.

    Folders of earlier versions recorded none: their names are in the catalogue.

    Raises:
        ValueError: run.json cannot be read, or tells something else about its networks.
    """
    recorded = folder.read_run_record().get("networks", {})
    try:
        of_run = {name: NetworkIdentity(**fields) for name, fields in recorded.items()}
    except (AttributeError, TypeError) as error:
        raise ValueError(
            f"{folder.path / 'run.json'} does not tell what its networks are ({error}); restore "
            f"it, or choose another {folder.flag}"
        ) from None
    return known_identities() | of_run
