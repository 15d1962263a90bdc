"""Small run folders for the tests of the human experiments: previews and tables, no networks."""

import numpy as np
import pandas as pd

from model_metamers.human.design import Design, Step
from model_metamers.human.simulated import Psychometric, simulate
from model_metamers.human.trials import NATURAL as NATURAL_STIMULI
from model_metamers.human.trials import Condition, plan_trials
from model_metamers.stimuli.labels import SIXTEEN_CATEGORIES
from model_metamers.store import MATCHES_COLUMNS, NATURAL, RECOGNITION_COLUMNS, RunFolder

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
    run.write_table("recognition", pd.DataFrame(scores, columns=RECOGNITION_COLUMNS))
    return run


def complete_design(n_participants=16, networks=(NETWORK,), n_layers=3, per_condition=2, extra=2):
    """Return a design in which everybody has every condition, as pages.py would make it."""
    layers = {network: [f"layer_{n}" for n in range(n_layers)] for network in networks}
    conditions = [
        NATURAL_STIMULI,
        *(Condition(n, x) for n, names in layers.items() for x in names),
    ]
    n_sources = max(len(conditions) * per_condition + 2 * extra, 8 * extra)
    labels = {f"s{n:03d}": SIXTEEN_CATEGORIES[n % 16] for n in range(n_sources)}
    plan = plan_trials(
        {c: set(labels) for c in conditions}, n_participants, per_condition, extra, extra, seed=0
    )
    assert plan.is_complete

    def step(t):
        name = f"{t.condition.network}_{t.condition.layer}_{t.source}.png"
        return Step(
            t.phase, name, t.condition.network, t.condition.layer, t.source, labels[t.source]
        )

    return Design(
        task="image",
        choices=SIXTEEN_CATEGORIES,
        settings={"seed": 0},
        runs=(),
        conditions=tuple({"network": c.network, "layer": c.layer} for c in conditions),
        participants=tuple((Step("screen"), *map(step, trials)) for trials in plan.participants),
    )


def layers_of(design):
    """Return network -> layers of a design, in order."""
    layers = {}
    for row in design.conditions:
        if row["network"]:
            layers.setdefault(row["network"], []).append(row["layer"])
    return layers


def right_answers(design, participant):
    """Return the responses of somebody who knows everything."""
    knowing = Psychometric(midpoint=1e9, lapse=0)
    return simulate(design, participant, layers_of(design), knowing)
