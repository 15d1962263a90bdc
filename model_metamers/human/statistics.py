"""What the responses tell: who is left out, how much is recognised, what layer and network do.

Every participant has every condition, so the effects are tested by analyses of variance with
repeated measures, on each participant's proportion correct. A mixed logistic model would suit
single answers; but deep layers are recognised by nobody and natural stimuli by nearly everybody,
and at 0 and 1 its estimates are infinite, and statsmodels has it in Bayesian form only. Layers are
as alike as their depths, so that degrees of freedom are corrected for sphericity.

Source: paper, sections 3.4 and 3.5 (means with standard errors over participants); Greenhouse and
Geisser 1959 (the correction).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
from scipy import stats

from model_metamers.human.design import HEADPHONES, SCREEN
from model_metamers.human.responses import Response
from model_metamers.human.trials import CATCH, NATURAL, TEST

HEADPHONES_NEEDED = 5  # of six: Woods et al. 2017
FRAME_MS = 1000 / 60  # of most screens
N_BOOTSTRAP = 10_000
_ROUNDING = 1e-12  # of a variance, relative to that of all proportions
EFFECTS_COLUMNS = ("effect", "networks", "n_participants", "f", "df_effect", "df_error", "p",
                  "epsilon", "p_corrected", "note")  # fmt: skip


def answers_table(responses: Iterable[Response]) -> pd.DataFrame:
    """Return one row per response: the step, the response, and whether it is correct.

    No answer in time counts as a wrong one, as in Geirhos et al. 2018.
    """
    rows = [
        {"participant": r.participant, **asdict(r.step), **asdict(r)}
        | {"correct": r.response == r.step.label}
        for r in responses
        if r.step.phase != SCREEN
    ]
    return pd.DataFrame(rows).drop(columns="step")


def n_mistimed(answers: pd.DataFrame, requested_ms: float) -> int:
    """Return how many images were there a frame more or less than asked for, or worse."""
    error_ms = (answers.stimulus_ms - requested_ms).abs()  # NaN where it was not measured
    return int((error_ms > FRAME_MS).sum())


def participants_table(answers: pd.DataFrame, least_catch: float) -> pd.DataFrame:
    """Return one row per participant, with the reason for which they are left out, or "".

    Args:
        answers: of `answers_table`.
        least_catch: proportion of the catch trials that has to be right.
    """
    rows = []
    for participant, own in answers.groupby("participant"):
        catch, checks = own[own.phase == CATCH], own[own.phase == HEADPHONES]
        reason = ""
        if len(checks) and checks.correct.sum() < HEADPHONES_NEEDED:
            reason = "headphones"
        elif len(catch) and catch.correct.mean() < least_catch:
            reason = "catch"
        rows.append(
            {
                "participant": participant,
                "n_headphones": len(checks),
                "headphones_correct": int(checks.correct.sum()),
                "n_catch": len(catch),
                "catch_correct": int(catch.correct.sum()),
                "n_test": int((own.phase == TEST).sum()),
                "excluded": reason,
            }
        )
    return pd.DataFrame(rows)


def scored_trials(answers: pd.DataFrame, participants: pd.DataFrame) -> pd.DataFrame:
    """Return the test trials that count: of those not left out, and presented once."""
    kept = participants[participants.excluded == ""].participant
    is_scored = (answers.phase == TEST) & (answers.presentations == 1)
    return answers[is_scored & answers.participant.isin(kept)]


def recognition_table(
    trials: pd.DataFrame, layers: Mapping[str, Sequence[str]], seed: int = 0
) -> pd.DataFrame:
    """Return the proportion correct of every condition, natural stimuli first.

    Args:
        trials: of `scored_trials`.
        layers: network -> its layers, from the input upwards.
        seed: of the bootstrap.

    Returns:
        Per condition the mean over participants of their proportions, its standard error over
        participants, and the 95 % percentile interval of a bootstrap over participants. NaN where
        one participant tells nothing of the spread.
    """
    rows = []
    by_condition = dict(iter(trials.groupby(["network", "layer"])))
    of_layers = [(network, layer) for network, names in layers.items() for layer in names]
    for network, layer in [(NATURAL.network, NATURAL.layer), *of_layers]:
        own = by_condition.get((network, layer))
        if own is None:
            continue
        proportions = own.groupby("participant").correct.mean().to_numpy()
        low, high = _bootstrap_interval(proportions, seed)
        rows.append(
            {
                "network": network,
                "layer": layer,
                "n_participants": len(proportions),
                "n_trials": len(own),
                "proportion_correct": proportions.mean(),
                "sem": stats.sem(proportions) if len(proportions) > 1 else np.nan,
                "ci_low": low,
                "ci_high": high,
            }
        )
    return pd.DataFrame(rows)


def _bootstrap_interval(proportions: np.ndarray, seed: int) -> tuple[float, float]:
    n = len(proportions)
    if n < 2:
        return np.nan, np.nan
    drawn = np.random.default_rng(seed).integers(0, n, (N_BOOTSTRAP, n))
    low, high = np.quantile(proportions[drawn].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def effects_table(trials: pd.DataFrame, layers: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Return the effects of layer and network on the proportion correct.

    Networks have different layers, so these are compared by their depth, the place among a
    network's layers, and only networks with equally many are. Natural stimuli are no layer.

    Args:
        trials: of `scored_trials`.
        layers: network -> its layers, from the input upwards.

    Returns:
        "layer" for every network alone; "network", "layer" and "network x layer" for all with
        equally many layers. Where it cannot be computed, a note says why.
    """
    means = trials.groupby(["participant", "network", "layer"]).correct.mean()
    rows = [_effects(means, {network: names}) for network, names in layers.items()]
    by_depth: dict[int, list[str]] = {}
    for network, names in layers.items():
        by_depth.setdefault(len(names), []).append(network)
    compared = max(by_depth.values(), key=len, default=[])
    if len(compared) > 1:
        rows.append(_effects(means, {network: layers[network] for network in compared}))
    flat = [row for of_networks in rows for row in of_networks]
    return pd.DataFrame(flat, columns=EFFECTS_COLUMNS)


def _effects(means: pd.Series, layers: Mapping[str, Sequence[str]]) -> list[dict]:
    """Return the rows of one analysis of variance: one way for one network, else two ways."""
    cells = [(network, layer) for network, names in layers.items() for layer in names]
    table = means.unstack(["network", "layer"]).reindex(columns=pd.MultiIndex.from_tuples(cells))
    complete = table.dropna()
    shape = (len(layers), len(cells) // len(layers))
    names = ["layer"] if shape[0] == 1 else ["network", "layer", "network x layer"]
    row = {"networks": ", ".join(layers), "n_participants": len(complete)}
    if note := _why_not(complete, shape):
        return [row | {"effect": name, "note": note} for name in names]
    values = complete.to_numpy().reshape(len(complete), *shape)
    anova = _anova(values)
    return [
        row | {"effect": name, "note": ""} | _corrected(values, name, anova.loc[name])
        if _people_differ(values, name)
        else row | {"effect": name, "note": "participants do not differ in it: F has no error"}
        for name in names
    ]


def _people_differ(values: np.ndarray, effect: str) -> bool:
    """Return whether an effect differs between participants by more than rounding."""
    spread = np.trace(_covariance(values, effect))
    return bool(spread > _ROUNDING * np.square(values - values.mean()).mean())


def _why_not(complete: pd.DataFrame, shape: tuple[int, int]) -> str:
    if shape[1] < 2:
        return "there is one layer"
    if len(complete) < 2:
        return "fewer than two participants have an answer in every condition"
    if np.ptp(complete.to_numpy()) == 0:
        return "all proportions are equal"
    return ""


def _anova(values: np.ndarray) -> pd.DataFrame:
    """Return statsmodels' analysis of variance of proportions [participants, networks, layers]."""
    from statsmodels.stats.anova import AnovaRM  # it takes a second to import

    n, n_networks, n_layers = values.shape
    index = pd.MultiIndex.from_product(
        [range(n), range(n_networks), range(n_layers)], names=["participant", "network", "layer"]
    )
    long = pd.Series(values.ravel(), index, name="correct").reset_index()
    within = ["layer"] if n_networks == 1 else ["network", "layer"]
    with np.errstate(divide="ignore", invalid="ignore"):  # of effects that are not tested
        table = AnovaRM(long, "correct", "participant", within).fit().anova_table
    return table.rename(index={"network:layer": "network x layer"})


def _corrected(values: np.ndarray, effect: str, row: pd.Series) -> dict[str, float]:
    """Return an effect's test, and its p with Greenhouse and Geisser's degrees of freedom."""
    f, df_effect, df_error = row["F Value"], row["Num DF"], row["Den DF"]
    epsilon = _epsilon(values, effect)
    return {
        "f": f,
        "df_effect": df_effect,
        "df_error": df_error,
        "p": row["Pr > F"],
        "epsilon": epsilon,
        "p_corrected": float(stats.f.sf(f, epsilon * df_effect, epsilon * df_error)),
    }


def _epsilon(values: np.ndarray, effect: str) -> float:
    """Return Greenhouse and Geisser's epsilon: 1 for sphericity, 1 / degrees of freedom at least.

    With S the covariance over participants of orthonormal contrasts, tr(S)^2 / (df tr(S^2)).
    """
    covariance = _covariance(values, effect)
    return float(np.trace(covariance) ** 2 / (np.trace(covariance @ covariance) * len(covariance)))


def _covariance(values: np.ndarray, effect: str) -> np.ndarray:
    """Return the covariance over participants of an effect's orthonormal contrasts."""
    n, n_networks, n_layers = values.shape
    networks = _contrasts(n_networks) if "network" in effect else np.ones((1, n_networks))
    layers = _contrasts(n_layers) if "layer" in effect else np.ones((1, n_layers))
    contrasts = values.reshape(n, -1) @ np.kron(networks, layers).T
    return np.atleast_2d(np.cov(contrasts.T))


def _contrasts(n: int) -> np.ndarray:
    """Return n - 1 orthonormal contrasts of n levels, [n - 1, n]."""
    _, _, rows = np.linalg.svd(np.eye(n) - 1 / n)
    return rows[: n - 1]


def recognition_rows(recognition: pd.DataFrame, observer: str, task: str) -> pd.DataFrame:
    """Return rows of recognition.csv; natural stimuli once for every network.

    Args:
        recognition: of `recognition_table`.
        observer: who answered.
        task: "16-way" or "word".
    """
    natural = recognition[recognition.network == NATURAL.network]
    metamers = recognition[recognition.network != NATURAL.network]
    networks = metamers.network.drop_duplicates()
    repeated = [natural.assign(network=network) for network in networks]
    table = pd.concat([*repeated, metamers])
    return pd.DataFrame(
        {
            "observer": observer,
            "generator": table.network,
            "layer": table.layer,
            "task": task,
            "n": table.n_trials,
            "proportion_correct": table.proportion_correct,
            "sem": table["sem"],
            "source": "measured",
        }
    ).reset_index(drop=True)
