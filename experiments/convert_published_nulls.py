r"""Turn the authors' null distributions of one network into those of a run folder.

    python experiments/convert_published_nulls.py --network=word_aliased \
        --file=word_aliased_null_dist_spearman_r.pckl --output_dir=runs/fig4_audio

The files lie in the archive of the audio networks that fetch_checkpoints.py downloads, and, for
VGG-19, at mcdermottlab.mit.edu/jfeather/model_metamers/assets/vgg_null_dist_spearman_r.pckl. They
are pickles and are read without running anything in them. An experiment with the same --output_dir
judges its metamers by them.
"""

from absl import flags

from shared import paths, script

_NETWORK = flags.DEFINE_string(
    "network", None, "Whose null distributions they are.", required=True
)
_FILE = flags.DEFINE_string("file", None, "The authors' file.", required=True)
flags.DEFINE_string("output_dir", None, "The run folder.", required=True)


def main() -> None:
    """Read the file, check that it is of the network, and write its nulls."""
    output_dir = paths.output_folder("output_dir")
    script.start_tensorflow()

    from model_metamers.networks.catalog import catalog_entry
    from model_metamers.store import RunFolder, load_foreign_pickle
    from model_metamers.validation import published_nulls

    name, file = _NETWORK.value, _FILE.value
    layers = catalog_entry(name).metamer_layers
    nulls = published_nulls(load_foreign_pickle(file))
    if missing := [layer for layer in layers if layer not in nulls]:
        raise ValueError(
            f"{file} does not fit {name}: expected the layers {', '.join(layers)}; missing "
            f"{', '.join(missing)}; found {', '.join(nulls)}"
        )
    folder = RunFolder(output_dir)
    for layer in layers:
        null = nulls[layer]
        folder.save_null(name, layer, null.to_arrays())
        print(
            f"{name} {layer}: median {null.median:.3f}, maximum {null.maximum:.3f} of "
            f"{null.n_pairs} pairs"
        )


if __name__ == "__main__":
    script.run(main)
