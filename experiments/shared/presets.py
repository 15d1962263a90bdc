"""The runs whose metamers several figures share: their networks and settings at both scales.

A metamer is never synthesised twice. One run folder holds the metamers of a modality; a figure
that only shows them to others reads it (`--run_dir`), and makes what it lacks with these settings.
"""

from collections.abc import Sequence
from dataclasses import replace

from model_metamers.networks import identity
from model_metamers.networks.catalog import network_name
from shared.options import PAPER, SMALL, Preset

SCALES = {SMALL: identity.SMALL, PAPER: identity.FULL}


def at_scale(preset: str, bases: Sequence[str]) -> tuple[str, ...]:
    """Return the names of networks at a preset's scale."""
    return tuple(network_name(base, SCALES[preset]) for base in bases)


ARCHITECTURES = ("vgg_19", "inception_v3", "resnet_v2_101")
VISUAL_RUN = "runs/fig3_visual"
VISUAL = {
    SMALL: Preset(
        networks=at_scale(SMALL, ARCHITECTURES),
        num_stimuli=4,
        num_null_stimuli=64,
        iterations=200,
        # The rates are for --solver=adam. At the paper's a pixel moves by at most 0.001 a step: a
        # short run needs a higher one, and has to bring it down sooner.
        synthesis=lambda iterations: {
            "solver": "lbfgs",
            "log_every": 50,
            "learning_rate": 0.03,
            "decay_rate": 0.5,
            "decay_steps": max(iterations // 4, 1),
        },
    ),
    PAPER: Preset(
        networks=at_scale(PAPER, ARCHITECTURES),
        num_stimuli=256,
        num_null_stimuli=1415,
        iterations=15_000,
        synthesis=lambda iterations: {},
    ),
}

AUDIO_RUN = "runs/fig4_audio"
AUDIO_NETWORKS = (
    "word_aliased",
    "word_reduced_aliasing",
    "random_reduced_aliasing",
    "audioset_reduced_aliasing",
    "word_audioset_reduced_aliasing",
)
AUDIO = {
    SMALL: Preset(
        networks=at_scale(SMALL, AUDIO_NETWORKS),
        num_stimuli=4,
        num_null_stimuli=80,
        iterations=150,
        synthesis=lambda iterations: {
            "solver": "lbfgs",
            "log_every": 50,
            # For --solver=adam. A sample moves by at most the rate in a step; late large steps
            # undo matches.
            "learning_rate": 0.006,
            "decay_rate": 0.5,
            "decay_steps": max(iterations // 2, 1),
        },
    ),
    PAPER: Preset(
        networks=at_scale(PAPER, AUDIO_NETWORKS),
        num_stimuli=295,  # Table S4
        num_null_stimuli=1415,
        iterations=15_000,
        synthesis=lambda iterations: {},
    ),
}
# Figure 3c, 3d show one of these networks, with the same settings.
FIGURE_3_AUDIO = {
    name: replace(preset, networks=preset.networks[:1]) for name, preset in AUDIO.items()
}
# Figure 2 makes metamers of two of them again, with the true gradient.
FIGURE_2 = {name: replace(preset, networks=preset.networks[:2]) for name, preset in AUDIO.items()}
# Networks that know words, and so can say what they hear; small ones have second seeds.
WORD_NETWORKS = {
    SMALL: (
        "word_aliased_small",
        "word_reduced_aliasing_small",
        "word_reduced_aliasing_small_seed1",
        "word_audioset_reduced_aliasing_small",
    ),
    PAPER: ("word_aliased", "word_reduced_aliasing", "word_audioset_reduced_aliasing"),
}
# What the three panels of Figure 4 compare.
FIGURE_4_PANELS = {
    "Architecture": ("word_aliased", "word_reduced_aliasing"),
    "Training": ("word_reduced_aliasing", "random_reduced_aliasing"),
    "Task": (
        "word_reduced_aliasing",
        "audioset_reduced_aliasing",
        "word_audioset_reduced_aliasing",
    ),
}
N_WORDS = {SMALL: 20, PAPER: 793}
# Figure 6 plays the metamers of others to the word network, Figure S9 its own to a second seed.
FIGURE_6_OBSERVER = {SMALL: "word_reduced_aliasing_small", PAPER: "word_reduced_aliasing"}
FIGURE_6 = {
    SMALL: replace(
        AUDIO[SMALL],
        networks=(
            "word_reduced_aliasing_small_seed1",
            "word_audioset_reduced_aliasing_small",
            "audioset_reduced_aliasing_small",
            "random_reduced_aliasing_small",
        ),
    ),
    PAPER: replace(
        AUDIO[PAPER],
        networks=(
            "word_reduced_aliasing_seed1",
            "word_audioset_reduced_aliasing",
            "audioset_reduced_aliasing",
            "random_reduced_aliasing",
        ),
    ),
}
FIGURE_S9 = {
    name: replace(preset, networks=(FIGURE_6_OBSERVER[name],)) for name, preset in AUDIO.items()
}
# Rates of 0.03 and 0.001 of a cochleagram, as shares of the width of `audio.COCHLEAGRAM_RANGE`.
COCHLEAGRAM_SYNTHESIS = {SMALL: {"learning_rate": 0.03 / 8}, PAPER: {"learning_rate": 0.001 / 8}}
