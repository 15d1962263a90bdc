"""The runs whose metamers several figures share: networks and settings of every preset.

A metamer is never synthesised twice. One run folder holds the metamers of a modality; a figure
that only shows them to others reads it (`--run_dir`), and makes what it lacks with these settings.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from model_metamers.networks import identity
from model_metamers.networks.catalog import network_name
from shared.options import COMMANDS, IMAGENET, PAPER, SMALL, Preset

SCALES = {SMALL: identity.SMALL, PAPER: identity.FULL}


def at_scale(preset: str, bases: Sequence[str]) -> tuple[str, ...]:
    """Return the names of networks at a preset's scale."""
    return tuple(network_name(base, SCALES[preset]) for base in bases)


def _short_run(learning_rate: float, halvings: int) -> Callable[[int], dict[str, Any]]:
    """Return iterations -> settings of L-BFGS, and of --solver=adam: a rate that is halved."""
    return lambda iterations: {
        "solver": "lbfgs",
        "log_every": 50,
        "learning_rate": learning_rate,
        "decay_rate": 0.5,
        "decay_steps": max(iterations // halvings, 1),
    }


ARCHITECTURES = ("vgg_19", "inception_v3", "resnet_v2_101")
VISUAL_RUN = "runs/fig3_visual"
VISUAL = {
    SMALL: Preset(
        networks=at_scale(SMALL, ARCHITECTURES),
        num_stimuli=4,
        num_null_stimuli=64,
        iterations=200,
        # At the paper's rate a pixel moves by at most 0.001 a step: a short run needs a higher
        # one, and has to bring it down sooner.
        synthesis=_short_run(0.03, halvings=4),
        run_dir=VISUAL_RUN,
    ),
    IMAGENET: Preset(
        networks=("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2"),
        num_stimuli=4,
        num_null_stimuli=48,
        iterations=100,
        synthesis=_short_run(0.01, halvings=4),  # higher rates leave the head unmatched
        run_dir=f"{VISUAL_RUN}_{IMAGENET}",
        # After 100 the correlation at these is .5 to .85, at the other layers .95 and more.
        layer_iterations={"head": 300, "pool": 200},
        batch_size=4,  # 16 would need 3 GB
    ),
    PAPER: Preset(
        networks=at_scale(PAPER, ARCHITECTURES),
        num_stimuli=256,
        num_null_stimuli=1415,
        iterations=15_000,
        synthesis=lambda iterations: {},
        run_dir=f"{VISUAL_RUN}_{PAPER}",
    ),
}

# Figure 1 shows how one network's metamers of one image come about.
FIGURE_1 = {
    name: replace(
        preset,
        networks=preset.networks[:1],
        num_stimuli=1,
        iterations=300 if name != PAPER else preset.iterations,
        layer_iterations={},
        run_dir="",
    )
    for name, preset in VISUAL.items()
}
# Of other networks than these the first, the middle and the last layer.
FIGURE_1_LAYERS = {
    "vgg_19": ("conv2_2", "conv4_4", "fc8"),
    "efficientnet_lite0": ("stage2", "stage4", "logits"),
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
        # A sample moves by at most the rate in a step; late large steps undo matches.
        synthesis=_short_run(0.006, halvings=2),
        run_dir=AUDIO_RUN,
    ),
    COMMANDS: Preset(
        networks=("ds_cnn_l", "cnn_l"),
        num_stimuli=10,
        num_null_stimuli=100,
        iterations=300,
        synthesis=_short_run(0.006, halvings=2),  # as in the small preset
        run_dir=f"{AUDIO_RUN}_{COMMANDS}",
    ),
    PAPER: Preset(
        networks=at_scale(PAPER, AUDIO_NETWORKS),
        num_stimuli=295,  # Table S4
        num_null_stimuli=1415,
        iterations=15_000,
        synthesis=lambda iterations: {},
        run_dir=f"{AUDIO_RUN}_{PAPER}",
    ),
}
# Figure 3c, 3d show one of these networks, with the same settings; of the commands' both.
FIGURE_3_AUDIO = AUDIO | {
    name: replace(AUDIO[name], networks=AUDIO[name].networks[:1]) for name in (SMALL, PAPER)
}
# Figure 2 makes metamers of two of them again, with the true gradient.
FIGURE_2 = {
    name: replace(preset, networks=preset.networks[:2])
    for name, preset in (AUDIO | {IMAGENET: VISUAL[IMAGENET]}).items()
}
# Networks that know words, and so can say what they hear; small ones have second seeds.
_SMALL_WORD_NETWORKS = (
    "word_aliased_small",
    "word_reduced_aliasing_small",
    "word_reduced_aliasing_small_seed1",
    "word_audioset_reduced_aliasing_small",
)
WORD_NETWORKS = {
    SMALL: _SMALL_WORD_NETWORKS,
    COMMANDS: (*AUDIO[COMMANDS].networks, *_SMALL_WORD_NETWORKS),
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
# Of the network that makes the metamers; among the commands' are silence and the unknown word.
N_WORDS = {SMALL: 20, COMMANDS: 12, PAPER: 793}
# Figure 6 plays the metamers of others to the word network, Figure S9 its own to a second seed.
FIGURE_6_OBSERVER = {
    SMALL: "word_reduced_aliasing_small",
    COMMANDS: "word_reduced_aliasing_small",
    PAPER: "word_reduced_aliasing",
}
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
    COMMANDS: AUDIO[COMMANDS],
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
    name: replace(AUDIO[name], networks=(FIGURE_6_OBSERVER[name],)) for name in (SMALL, PAPER)
}
# Rates of 0.03 and 0.001 of a cochleagram, as shares of the width of `audio.COCHLEAGRAM_RANGE`.
COCHLEAGRAM_SYNTHESIS = {SMALL: {"learning_rate": 0.03 / 8}, PAPER: {"learning_rate": 0.001 / 8}}
