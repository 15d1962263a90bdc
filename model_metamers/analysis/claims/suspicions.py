"""Suspicions of why a claim fails at small scale, each made measurable.

A suspicion that is right has a consequence elsewhere in the tables: in layers further apart, where
the null leaves room, or in how much of a stimulus' coarse form a metamer keeps.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from model_metamers.analysis.claims import matching, transfer
from model_metamers.analysis.claims.finding import Finding, NotMeasured
from model_metamers.analysis.claims.resampling import bootstrap
from model_metamers.analysis.claims.roles import Role
from model_metamers.analysis.claims.table import CLAIMS

SUPPORTED, NOT_SUPPORTED, UNDECIDED = "supported", "not supported", "undecided"
IMAGES, SOUNDS = ("fig3_visual", "similarity"), ("fig4_audio", "similarity")
N_DEEP = 5  # a word network's layers from conv_2 on
WITHOUT_NOISE = "fig5_visual_transfer_without_noise"  # whose second seed of VGG-19 never saw any
APART = 3  # layers, of two that are no neighbours
SATURATED_NULL = 0.99  # above it no two stimuli differ enough for a metamer to stand out
COLUMNS = [
    "claim", "part", "suspicion", "statistic", "value", "ci_low", "ci_high", "n", "resampled",
    "verdict",
]  # fmt: skip

_VGG, _OTHER_IMAGES = Role("vgg_19"), (Role("inception_v3"), Role("resnet_v2_101"))


@dataclass(frozen=True)
class Test:
    """What would have to be true if the reason were right that a claim fails for.

    Attributes:
        claim, part: whose reason it is; the claim has the words.
        source: (experiment, table) that `measure` takes.
        measure: table -> Finding; its `holds` supports the suspicion.
        suspicion: its words where they are not the claim's.
    """

    claim: int
    part: str
    source: tuple[str, str]
    measure: Callable[[pd.DataFrame], Finding]
    suspicion: str = ""


def suspicions_table(tables: Mapping[tuple[str, str], pd.DataFrame]) -> pd.DataFrame:
    """Return a row for every suspicion that can be tested.

    Args:
        tables: (experiment, table) -> table, with roles in place of networks' names.

    Raises:
        NotMeasured: a table lacks the networks that a suspicion is about.
    """
    rows = [_row(test, test.measure(tables[test.source])) for test in TESTS]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(test: Test, finding: Finding) -> dict[str, object]:
    (text,) = (c.suspected for c in CLAIMS if (c.number, c.part) == (test.claim, test.part))
    text = test.suspicion or text
    opposite = replace(finding, above=not finding.above)
    verdict = UNDECIDED
    if finding.holds or opposite.holds:
        verdict = SUPPORTED if finding.holds else NOT_SUPPORTED
    about = {"claim": test.claim, "part": test.part, "suspicion": text}
    return about | finding.columns() | {"verdict": verdict}


def match_where_the_null_leaves_room(matches: pd.DataFrame) -> Finding:
    """Return claim 1's finding without the layers at which any two natural stimuli are alike."""
    finding = matching.at_their_layer(matches[matches.null_max < SATURATED_NULL])
    return replace(finding, statistic=f"{finding.statistic}, nulls below {SATURATED_NULL:g}")


def match_later_where_the_null_leaves_room(layer_grid: pd.DataFrame) -> Finding:
    """Return the finding on later layers without those at which natural stimuli are alike."""
    room = layer_grid.null_maximum < SATURATED_NULL
    # The order of layers is that of all rows: those without room stay, with no metamers.
    finding = matching.after_their_layer(layer_grid.assign(n=layer_grid.n.where(room, 0)))
    return replace(finding, statistic=f"{finding.statistic}, nulls below {SATURATED_NULL:g}")


def do_not_match_far_before(layer_grid: pd.DataFrame) -> Finding:
    """Return claim 2's finding on layers that are `APART` or more."""
    return matching.late_ones_at_any_earlier_layer(layer_grid, APART)


def a_second_seed_without_noise_fails(recognition: pd.DataFrame) -> Finding:
    """Return claim 5's finding where VGG's second seed was trained on images without noise."""
    finding = transfer.second_seed_does_not_transfer(recognition, _VGG)
    return replace(finding, statistic=f"{finding.statistic}, second seed trained without noise")


def vgg_keeps_a_coarse_form(similarity: pd.DataFrame) -> Finding:
    """Rule: VGG's late metamers are more like their images, blurred, than other networks'."""
    late = {
        role: _kept(similarity, role, matching.N_LATE).groupby("stimulus_id").mean()
        for role in (_VGG, *_OTHER_IMAGES)
    }
    others = sum(late[role] for role in _OTHER_IMAGES) / len(_OTHER_IMAGES)
    return _more(
        "coarse form that late metamers keep: VGG - mean of the others", late[_VGG] - others
    )


def untrained_keeps_a_coarse_spectrogram(similarity: pd.DataFrame) -> Finding:
    """Rule: the untrained network's deep metamers are more like their words, blurred, than others.

    The others are those of the network of backgrounds, which the word network hardly recognises.
    Compared are metamers of the same word and layer.
    """
    untrained, backgrounds = (
        _kept(similarity, role, N_DEEP) for role in (transfer.RANDOM, transfer.BACKGROUNDS)
    )
    difference = (untrained - backgrounds).dropna().groupby("stimulus_id").mean()
    return _more(
        "coarse spectrogram that deep metamers keep: untrained network - backgrounds", difference
    )


def late_cochleagrams_transfer_less(recognition: pd.DataFrame) -> Finding:
    """Return claim 11's finding on the last layers alone."""
    late = list(dict.fromkeys(recognition.layer))[-matching.N_LATE :]
    finding = transfer.cochleagrams_transfer_less(recognition[recognition.layer.isin(late)])
    return replace(finding, statistic=f"{finding.statistic}, last {matching.N_LATE} layers")


def _kept(similarity: pd.DataFrame, network: Role, n_last: int) -> pd.Series:
    """Return by layer and stimulus, of a network's last layers, what metamers keep.

    That is how much more they are like their own stimulus than like others.
    """
    rows = similarity[similarity.network == network]
    layers = list(dict.fromkeys(rows.layer))[-n_last:]
    rows = rows[rows.layer.isin(layers)].set_index(["layer", "stimulus_id"])
    return rows.own - rows.others


def _more(statistic: str, differences: pd.Series) -> Finding:
    differences = differences.dropna()
    if differences.empty:
        raise NotMeasured("there are no metamers of the same stimuli to compare")
    estimate = bootstrap(
        differences, lambda samples: np.mean(samples, axis=-1), len(differences), "stimuli"
    )
    return Finding(statistic, estimate, 0.0, above=True)


_GRIDS = {
    "images": ("figs1_s8_layer_grids", "layer_grid"),
    "sounds": ("figs1_s8_layer_grids_audio", "layer_grid"),
}
TESTS = (
    Test(1, "sounds, at the layer", ("fig4_audio", "matches"), match_where_the_null_leaves_room),
    Test(1, "sounds, after the layer", _GRIDS["sounds"], match_later_where_the_null_leaves_room),
    *(
        Test(2, f"{what}, {which} layers", source, do_not_match_far_before)
        for what, source in _GRIDS.items()
        for which in ("early", "all earlier")
    ),
    Test(5, "vgg_19", (WITHOUT_NOISE, "recognition"), a_second_seed_without_noise_fails),
    Test(
        5,
        "vgg_19",
        IMAGES,
        vgg_keeps_a_coarse_form,
        "without batch norm its late layers keep a coarse form of the object, which suits a "
        "second seed trained on the same few rendered categories",
    ),
    Test(8, "", SOUNDS, untrained_keeps_a_coarse_spectrogram),
    Test(11, "", ("figs9_cochleagram_metamers", "recognition"), late_cochleagrams_transfer_less),
)
