"""The runs whose metamers several figures share: their networks and settings at both scales.

A metamer is never synthesised twice. One run folder holds the metamers of a modality; a figure
that only shows them to others reads it (`--run_dir`), and makes what it lacks with these settings.
"""

from figure_run import PAPER, SMALL, Preset

ARCHITECTURES = ("vgg_19", "inception_v3", "resnet_v2_101")
VISUAL_RUN = "runs/fig3_visual"
VISUAL = {
    SMALL: Preset(
        networks=tuple(f"{name}_small" for name in ARCHITECTURES),
        num_stimuli=4,
        num_null_stimuli=64,
        iterations=300,
        # At the paper's rate a pixel moves by at most 0.001 a step: a short run needs a higher
        # one, and has to bring it down sooner.
        synthesis=lambda iterations: {
            "learning_rate": 0.03,
            "decay_rate": 0.5,
            "decay_steps": max(iterations // 4, 1),
        },
    ),
    PAPER: Preset(
        networks=ARCHITECTURES,
        num_stimuli=256,
        num_null_stimuli=1415,
        iterations=15_000,
        synthesis=lambda iterations: {},
    ),
}
