"""Loss and Spearman correlation against evaluations, for every solver on one network and layer."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

import model_metamers as mm
from model_metamers.networks.network import Network
from model_metamers.stimuli import shipped
from model_metamers.stimuli.made import objects
from model_metamers.synthesis import SynthesisConfig, SynthesisState
from model_metamers.training.datasets import FIRST_SEED
from model_metamers.validation.ranks import unit_ranks

LBFGS, PAPER = "lbfgs", "adam, paper"
ADAM_RATES = (0.03, 0.01, 0.003, 0.001)
# How often Adam's rate is halved in a run, as in the small presets that used it.
HALVINGS = {"image": 4, "sound": 2}
N_LOGGED = 30
PERFECT = 0.9999  # correlations above it count as equal


def natural_stimuli(network: Network, n_stimuli: int) -> np.ndarray:
    """Return rendered objects of different categories, or spoken words of different kinds."""
    if network.sample_rate_hz is not None:
        sounds = shipped.spoken_words(network.stimulus_shape[0], network.sample_rate_hz)
        return sounds.stimuli[: min(n_stimuli, len(sounds))]
    position = np.arange(n_stimuli)
    fine_classes = (position * (objects.VARIANTS_PER_CATEGORY + 1)) % len(objects.FINE_CLASSES)
    seeds = FIRST_SEED["test"] + position
    renders = objects.render_objects(fine_classes, seeds, network.stimulus_shape[0])
    return renders.astype(np.float32) / 255.0


def contestants(network: Network, iterations: int) -> dict[str, SynthesisConfig]:
    """Return L-BFGS, and Adam at four rates that fall in the course of the run."""
    kind = "image" if network.sample_rate_hz is None else "sound"
    base = SynthesisConfig(
        iterations=iterations,
        decay_rate=0.5,
        decay_steps=max(iterations // HALVINGS[kind], 1),
        log_every=max(iterations // N_LOGGED, 1),
    )
    adams = {f"adam, {rate:g}": replace(base, learning_rate=rate) for rate in ADAM_RATES}
    return {LBFGS: replace(base, solver="lbfgs")} | adams


def against_the_paper(paper_steps: int, lbfgs_steps: int) -> dict[str, SynthesisConfig]:
    """Return Adam with the paper's schedule, and L-BFGS with a share of its evaluations."""
    paper = SynthesisConfig(iterations=paper_steps, log_every=max(paper_steps // N_LOGGED, 1))
    log_every = max(lbfgs_steps // N_LOGGED, 1)
    ours = replace(paper, iterations=lbfgs_steps, solver="lbfgs", log_every=log_every)
    return {LBFGS: ours, PAPER: paper}


def curves(
    network: Network,
    layer: str,
    natural: np.ndarray,
    configs: Mapping[str, SynthesisConfig],
    clock: Callable[[], float] = time.process_time,
) -> pd.DataFrame:
    """Return loss and correlation in the course of every solver's run.

    Args:
        network: whose layer.
        layer: the matched layer.
        natural: stimuli [n, *stimulus_shape].
        configs: name of a solver -> its settings.
        clock: seconds; of processor time, so that other work on the machine does not count.

    Returns:
        Columns network, layer, solver, evaluations, seconds (of evaluations, without tracing and
        without what is measured here), loss and spearman (medians over the stimuli; the loss
        relative to that of the noise).
    """
    targets = _ranks(network, layer, natural)
    rows = []
    for solver, config in configs.items():
        mm.synthesize(network, layer, natural, replace(config, iterations=1))  # traces the graph
        for state, seconds in _states(network, layer, natural, config, clock):
            spearman = np.sum(targets * _ranks(network, layer, state.metamer), axis=1)
            rows.append(
                {
                    "network": network.name,
                    "layer": layer,
                    "solver": solver,
                    "evaluations": int(state.step.max()),
                    "seconds": seconds,
                    "loss": float(np.median(state.loss[-1] / state.loss[0])),
                    "spearman": float(np.median(spearman)),
                }
            )
    return pd.DataFrame(rows)


def _states(
    network: Network, layer: str, natural: np.ndarray, config: SynthesisConfig, clock: Callable
) -> Iterator[tuple[SynthesisState, float]]:
    """Return the states of a run and the seconds it took to get there."""
    states: list[tuple[SynthesisState, float]] = []
    started = clock()
    mm.synthesize(
        network,
        layer,
        natural,
        config,
        on_chunk=lambda state: states.append((replace(state, solver={}), clock() - started)),
    )
    yield from states


def _ranks(network: Network, layer: str, stimuli: np.ndarray) -> np.ndarray:
    activations = network.activations(stimuli, [layer])[layer]
    return np.stack([unit_ranks(each) for each in activations])


def summary(curves: pd.DataFrame) -> dict[str, object]:
    """Return one row of the table of results from the curves of one network and layer.

    L-BFGS is compared with the other solver whose last correlation is the highest: with its whole
    run, and with what that took to have the correlation first. Where L-BFGS never gets there,
    `lbfgs_evaluations` and what follows from it are infinite.
    """
    last = curves.groupby("solver", sort=False).last()
    ours, others = last.loc[LBFGS], last.drop(LBFGS)
    best = others.spearman.idxmax()
    theirs = others.loc[best]

    def reached(solver: str) -> tuple[float, float]:
        course = curves[curves.solver == solver]
        there = course[course.spearman >= min(theirs.spearman, PERFECT)]
        return tuple(there.iloc[0][["evaluations", "seconds"]]) if len(there) else (np.inf, np.inf)

    (evaluations, seconds), (their_evaluations, their_seconds) = map(reached, (LBFGS, best))
    return {
        "network": curves.network.iloc[0],
        "layer": curves.layer.iloc[0],
        "other": best,
        "other_evaluations": theirs.evaluations,
        "other_seconds": theirs.seconds,
        "other_spearman": theirs.spearman,
        "lbfgs_evaluations": evaluations,
        "lbfgs_seconds": seconds,
        "lbfgs_spearman": ours.spearman,
        "share_of_evaluations": evaluations / theirs.evaluations,
        "share_of_seconds": seconds / theirs.seconds,
        "other_reached_evaluations": their_evaluations,
        "share_of_reached_evaluations": evaluations / their_evaluations,
        "share_of_reached_seconds": seconds / their_seconds,
    }
