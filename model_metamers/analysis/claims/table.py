"""The claims of the paper in order, and their verdicts.

Source: paper, sections 2 to 4.
"""

from collections.abc import Mapping
from functools import partial

import pandas as pd

from model_metamers.analysis.claims import first_claims, transfer
from model_metamers.analysis.claims.finding import SMALL, Claim, Finding, NotMeasured
from model_metamers.analysis.claims.real_networks import REAL_CLAIMS
from model_metamers.analysis.claims.roles import Role, with_roles
from model_metamers.networks.identity import NetworkIdentity
from model_metamers.store.records import PEOPLE

REPRODUCED, NOT_REPRODUCED = "reproduced", "not reproduced"
UNDECIDED, NOT_RUN = "undecided", "not run"
COLUMNS = [
    "run", "claim", "part", "statement", "statistic", "criterion", "value", "ci_low", "ci_high",
    "n", "resampled", "scale", "verdict", "reason",
]  # fmt: skip

_IMAGES, _SOUNDS, _GRID = "fig3_visual", "fig4_audio", "figs1_s8_layer_grids"
_GRADIENTS, _SEEN, _HEARD = "fig2_validation", "fig5_visual_transfer", "fig6_audio_transfer"
_COCHLEAGRAMS, _SOUND_GRID = "figs9_cochleagram_metamers", "figs1_s8_layer_grids_audio"

_NO_ROOM = (
    "networks that were not trained on words answer nearly alike to any two clips of clean "
    "speech, which leaves no room above the null"
)
_TEXTURES = "ten textures under speech ask for features like those of twenty words"
_ARCHITECTURES = {
    "vgg_19": (
        "both seeds were trained on images with noise, of which metamers of late layers are full"
    ),
    "inception_v3": "both seeds learned the same few rendered categories",
    "resnet_v2_101": "both seeds learned the same few rendered categories",
}

_OF_GRADIENTS = (
    "at a high learning rate the true gradient also revives units that are off",
    "a gradient that is not the loss's own does not settle at its minimum in a short run",
)
_OF_BOTH = (
    *first_claims.of_matches(
        "images", _IMAGES, _GRID, first_claims.TOO_SHORT, first_claims.NEIGHBOURS
    ),
    *first_claims.of_matches("sounds", _SOUNDS, _SOUND_GRID, _NO_ROOM, first_claims.NEIGHBOURS),
)

CLAIMS = (
    *sorted(_OF_BOTH, key=lambda claim: claim.number),
    *first_claims.of_gradients(_GRADIENTS, _OF_GRADIENTS),
    first_claims.of_depth("images", _IMAGES, "16-way", "the small networks differ too little"),
    first_claims.of_depth("sounds", _SOUNDS, "word", "the small networks differ too little"),
    *(
        Claim(
            5, name, "a second seed does not recognise the metamers of late layers",
            ((_SEEN, "recognition"),),
            partial(transfer.second_seed_does_not_transfer, generator=Role(name)), suspected,
        )
        for name, suspected in _ARCHITECTURES.items()
    ),
    Claim(
        6, "", "audio networks of two seeds transfer better than across tasks",
        ((_HEARD, "recognition"),), transfer.seeds_transfer_better_than_tasks, _TEXTURES,
    ),
    Claim(
        7, "", "reduced aliasing raises others' recognition of deep layers' metamers",
        ((_SOUNDS, "recognition"),), transfer.reduced_aliasing_helps,
        "on half as many bands and clips of one second there is less to alias",
    ),
    Claim(
        8, "", "metamers of an untrained network are poorly recognised by a trained one",
        ((_HEARD, "recognition"),), transfer.untrained_is_not_recognised,
        "random filters of a shallow network keep a coarse spectrogram, enough for twenty words",
    ),
    Claim(
        9, "", "word recognition drops earlier for training on backgrounds alone than on words",
        ((_HEARD, "recognition"),), transfer.backgrounds_drop_earlier, _TEXTURES,
    ),
    Claim(
        10, "", "training on words and backgrounds is close to training on words alone",
        ((_HEARD, "recognition"),), transfer.both_tasks_are_close_to_words,
        "a small network that learns both tasks has less room for words",
    ),
    Claim(
        11, "", "metamers optimised as cochleagrams transfer less than as waveforms",
        ((_COCHLEAGRAMS, "recognition"),), transfer.cochleagrams_transfer_less,
        "what matches an early layer is nearly the stimulus, as either; only late ones leave room",
    ),
)  # fmt: skip


def claims_table(
    tables: Mapping[tuple[str, str], pd.DataFrame],
    scales: Mapping[str, str],
    known: Mapping[str, NetworkIdentity],
    tested: Mapping[tuple[int, str], str] | None = None,
) -> pd.DataFrame:
    """Return one row per claim, in order: those of the small run, then those of real networks.

    Args:
        tables: (experiment, table) -> table, where there is one.
        scales: experiment -> scale of its run.
        known: name in the tables -> identity; the claims hold at any scale.
        tested: (claim, part) of the small run -> verdict on its suspected reason (`suspicions`).
    """
    by_role = {source: with_roles(_of_networks(table), known) for source, table in tables.items()}
    rows = [_row(claim, by_role, scales, tested or {}) for claim in (*CLAIMS, *REAL_CLAIMS)]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"n": "Int64"})


def by_run(claims: pd.DataFrame) -> pd.DataFrame:
    """Return one row per claim and part, with a column per run: verdict, value and interval.

    Args:
        claims: of `claims_table`.
    """
    numbers = claims[["value", "ci_low", "ci_high"]].itertuples(index=False)
    measured = [
        "" if pd.isna(low) else f": {value:.3f} ({low:.3f} to {high:.3f})"
        for value, low, high in numbers
    ]
    shown = claims.assign(shown=claims.verdict + measured)
    runs = list(dict.fromkeys(claims.run))
    table = shown.pivot(index=["claim", "part"], columns="run", values="shown")[runs]
    places = claims[["claim", "part"]].drop_duplicates().sort_values("claim", kind="stable")
    table = table.loc[pd.MultiIndex.from_frame(places)]
    return table.fillna("").reset_index().rename_axis(columns=None)


def _of_networks(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table without answers of the user's own people: claims are of networks."""
    return table[~table.observer.isin(PEOPLE)] if "observer" in table else table


def _row(
    claim: Claim,
    tables: Mapping,
    scales: Mapping[str, str],
    tested: Mapping[tuple[int, str], str],
) -> dict:
    row = {
        "run": claim.run,
        "claim": claim.number,
        "part": claim.part,
        "statement": claim.statement,
    }
    missing = [
        f"{table}.csv of {name}" for name, table in claim.sources if (name, table) not in tables
    ]
    if missing:
        return row | {"verdict": NOT_RUN, "reason": f"there is no {' and no '.join(missing)}"}
    row["scale"] = scales[claim.sources[0][0]]
    try:
        finding = claim.measure(*(tables[source] for source in claim.sources))
    except NotMeasured as lack:
        return row | {"verdict": NOT_RUN, "reason": str(lack)}
    tested_reason = tested.get((claim.number, claim.part)) if claim.run == SMALL else None
    is_open = finding.inclined or not finding.estimate.has_interval
    against = UNDECIDED if is_open else NOT_REPRODUCED
    verdict = {
        "criterion": finding.criterion,
        "verdict": REPRODUCED if finding.holds else against,
        "reason": "" if finding.holds else _reason(finding, claim.suspected, tested_reason),
    }
    return row | finding.columns() | verdict


def _reason(finding: Finding, suspected: str, verdict: str | None) -> str:
    """Say whether too little was measured, or what speaks against the claim and perhaps why."""
    detail = f" ({finding.detail})" if finding.detail else ""
    if finding.inclined:
        return f"the value is {finding.criterion}, as claimed, but the interval is not{detail}"
    if not finding.estimate.has_interval:
        return f"not {finding.criterion}, but of too few observations{detail}"
    tested = "untested" if verdict is None else f"tested: {verdict}"
    return f"not {finding.criterion}{detail}; perhaps because {suspected} ({tested})"
