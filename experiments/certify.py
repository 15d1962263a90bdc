"""The certificate of a run: correlations, labels and null tests again, from its written files.

    python experiments/certify.py runs/fig3_visual
    python experiments/certify.py runs/fig3_visual --renew     # after a change that is meant

What people get is what is certified: PNG and WAV files go through the networks once more, and
the result is compared with matches.csv. Writes certificate.json into the run folder: how many
metamers are certified, their margins above the null distribution, what 8 or 16 bits cost at each
layer, and the SHA-256 of the weights and of every file. A folder that has a certificate is first
compared with it: a file of which one byte has changed since is named, and nothing is written.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from shared import paths, script

if TYPE_CHECKING:
    from model_metamers.networks.network import Network
    from model_metamers.store import RunFolder

flags.DEFINE_string("run_dir", None, "Run folder to certify; also given without the flag's name.")
_RENEW = flags.DEFINE_boolean("renew", False, "Certify the folder as it is, whatever has changed.")


def main(arguments: list[str]) -> None:
    """Compare the folder with its certificate, and certify what its files show."""
    if arguments and not flags.FLAGS["run_dir"].present:
        flags.FLAGS["run_dir"].value = arguments.pop(0)
    if arguments:
        raise ValueError(f"unexpected argument {arguments[0]!r}; give one run folder")
    from model_metamers.store import RunFolder
    from model_metamers.store.certificate import check_unchanged, file_hashes, write_certificate

    folder = RunFolder(run_dir(), create=False, flag="--run_dir")
    if not _RENEW.value:
        check_unchanged(folder)
    folder.read_run_record(), folder.read_table("matches")  # mistakes are told at once
    script.start_tensorflow()

    from model_metamers.pipeline.certificate import certificate, check_reproduced

    content = certificate(folder, loader(folder), file_hashes(folder))
    write_certificate(folder, content)
    show(content)
    check_reproduced(folder, content)


def run_dir() -> Path:
    """Return the folder to certify.

    Raises:
        ValueError: none is given, or it is not there.
    """
    if flags.FLAGS["run_dir"].value is None:
        raise ValueError("give the run folder to certify: python experiments/certify.py RUN")
    return paths.input_folder("run_dir")


def loader(folder: "RunFolder") -> "Callable[[str], Network]":
    """Return the function that loads a network by its name in the folder's tables."""
    from model_metamers.analysis.identities import identities_of
    from model_metamers.networks.catalog import entry_of, load_network
    from model_metamers.networks.identity import identity_of
    from shared.audio import cochleagram_network

    known = identities_of(folder)

    def load(name: str) -> "Network":
        identity = identity_of(name, known)
        if entry_of(identity) is None:
            raise ValueError(
                f"{folder.path} is a run of a model of one's own, {name}, which `model_metamers "
                f"make` with the arguments of that run certifies"
            )
        whole = identity.part_of
        return load_network(name) if whole is None else cochleagram_network(load_network(whole))

    return load


def show(content: Mapping[str, Any]) -> None:
    """Print a certificate's layers."""
    import pandas as pd

    print(pd.DataFrame(content["layers"]).to_string(index=False, na_rep="", float_format="%.4f"))
    print(f"certified {content['n_certified']} of {content['n']} metamers")


if __name__ == "__main__":
    script.run_with_arguments(main)
