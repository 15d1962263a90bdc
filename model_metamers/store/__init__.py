"""The run folder: the only place where results are written and read.

    run.json                  config, seed, versions, device, checkpoint sha256, git revision,
                              each network's architecture, scale, seed, label; each table's sum
    metamers/<network>/<layer>.npz        natural, metamer, stimulus_id, loss, step, status
    metamers/<network>/<layer>.state.npz  an unfinished piece, to continue from
    previews/<network>/<layer>/<stimulus_id>.png | .wav    (layer "natural": the originals)
    nulls/<network>/<layer>.npz           null distributions, kept because they take long
    nulls/<network>/<layer>.shard<i>of<n>.npy    shards of one, until all are there
    matches.csv, exclusions.csv, nulls.csv, recognition.csv, figure.png, figure.pdf

A piece is the metamers of one network and layer. Every file is written beside its place, synced
and renamed into it, so a killed run leaves either the old file or the new one. Processes may share
a folder: whoever works on a piece, or changes a table, holds its lock (`.<name>.lock`, gone when
the work is done). Nothing is pickled.
"""

from model_metamers.store.foreign import load_foreign_pickle
from model_metamers.store.formats import read_npz, write_npz
from model_metamers.store.records import MATCHES_COLUMNS, RECOGNITION_COLUMNS
from model_metamers.store.run_folder import (
    NATURAL,
    PIECE_ARRAYS,
    RunFolder,
    check_layer_name,
    read_run_json,
)

__all__ = [
    "MATCHES_COLUMNS",
    "NATURAL",
    "PIECE_ARRAYS",
    "RECOGNITION_COLUMNS",
    "RunFolder",
    "check_layer_name",
    "load_foreign_pickle",
    "read_npz",
    "read_run_json",
    "write_npz",
]
