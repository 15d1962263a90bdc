"""Small run folders for the tests of the human experiments: previews and tables, no networks."""

import numpy as np
import pandas as pd

from model_metamers.store import MATCHES_COLUMNS, NATURAL, RunFolder

NETWORK, LAYERS = "net", ("first", "last")
RATE_HZ = 8000
CATEGORIES = ("dog", "cat", "car", "boat", "bird", "bear", "oven", "knife")
WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight")


def write_run(path, labels, sounds=False, layers=LAYERS, networks=(NETWORK,), rejected=()):
    """Write a run folder with one stimulus of each label, all metamers but some accepted."""
    run = RunFolder(path)
    ids = [f"{label}_{number}" for number, label in enumerate(labels)]
    random = np.random.default_rng(0)
    for network in networks:
        for layer in (NATURAL, *layers):
            if sounds:
                stimuli = 0.1 * random.standard_normal((len(ids), RATE_HZ // 4))
            else:
                stimuli = random.random((len(ids), 16, 16, 3))
            run.save_previews(network, layer, ids, stimuli, RATE_HZ if sounds else None)
    rows = pd.DataFrame(
        [(network, layer, name) for network in networks for layer in layers for name in ids],
        columns=["network", "layer", "stimulus_id"],
    )
    values = {
        "steps": 9, "loss_first": 1.0, "loss_last": 0.1, "spearman_layer": 0.9,
        "spearman_logits": 0.9, "null_max": 0.3, "p_null": 0.01, "label_natural": "3",
        "label_metamer": "3", "status": "finished",
    }  # fmt: skip
    rows = rows.assign(**values, accepted=~rows.layer.isin(rejected))
    run.write_table("matches", rows[list(MATCHES_COLUMNS)])
    scores = [
        (network, network, layer, "word" if sounds else "16-way", len(ids), 0.9, 0.05, "measured")
        for network in networks
        for layer in (NATURAL, *layers)
    ]
    columns = [
        "observer",
        "generator",
        "layer",
        "task",
        "n",
        "proportion_correct",
        "sem",
        "source",
    ]
    run.write_table("recognition", pd.DataFrame(scores, columns=columns))
    return run
