"""Claims 1 to 5 on real networks: those that others trained, on photographs or on commands.

Three runs may have them: the EfficientNet-Lites on renders and on photographs, and the networks of
spoken commands. Nobody published second seeds of these; in claim 5 other sizes of the same
architecture take their place, which is said in its name.

Source: paper, sections 2 and 3.
"""

from functools import partial

from model_metamers.analysis.claims import matching, transfer
from model_metamers.analysis.claims.finding import Claim
from model_metamers.analysis.claims.roles import Role

IMAGENET, PHOTOGRAPHS, COMMANDS = "imagenet", "imagenet_photographs", "commands"
SIZES = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")

_TOO_SHORT = "the optimisation is shorter than the paper's 15,000 steps"
_NEIGHBOURS = (
    "little is lost between neighbouring layers, so to match the one nearly matches the other"
)
_ALIKE = "early layers respond alike to all natural stimuli of low contrast"


def _matching(run: str, what: str, made: str, grid: str) -> tuple[Claim, ...]:
    """Return claims 1 and 2 of a run.

    Args:
        run: its name.
        what: "images" or "sounds".
        made: experiment with the metamers.
        grid: experiment with the layer grid.
    """
    matches, layer_grid = ((made, "matches"),), ((grid, "layer_grid"),)
    return (
        Claim(
            1, f"{what}, at the layer", "metamers match at the layer they are made for",
            matches, matching.at_their_layer, _TOO_SHORT, run,
        ),
        Claim(
            1, f"{what}, after the layer", "metamers match at every layer after it",
            layer_grid, matching.after_their_layer, _TOO_SHORT, run,
        ),
        Claim(
            2, f"{what}, early layers", "metamers of late layers do not match at early layers",
            layer_grid, matching.late_ones_at_early_layers, _ALIKE, run,
        ),
        Claim(
            2, f"{what}, all earlier layers", "metamers of late layers match at no earlier layer",
            layer_grid, matching.late_ones_at_any_earlier_layer, _NEIGHBOURS, run,
        ),
    )  # fmt: skip


def _gradients(run: str, experiment: str) -> tuple[Claim, ...]:
    """Return claim 3 of a run."""
    source = ((experiment, "fidelity"),)
    return (
        Claim(
            3, "improves some layers",
            "the modified ReLU gradient improves the match at some layer",
            source, matching.modified_gradient_helps, _TOO_SHORT, run,
        ),
        Claim(
            3, "harms none", "the modified ReLU gradient makes the match worse at no layer",
            source, matching.modified_gradient_does_no_harm, _TOO_SHORT, run,
        ),
    )  # fmt: skip


def _recognition(run: str, what: str, made: str, task: str) -> Claim:
    """Return claim 4 of a run."""
    return Claim(
        4, what, "recognition by other networks falls with the depth of the layer",
        ((made, "recognition"),), partial(transfer.falls_with_depth, task=task),
        "the networks differ too little", run,
    )  # fmt: skip


def _sizes(run: str, made: str) -> tuple[Claim, ...]:
    """Return claim 5 of a run, of each size."""
    return tuple(
        Claim(
            5, f"{size}, other sizes in place of a second seed",
            "other sizes of the architecture do not recognise the metamers of late layers",
            ((made, "recognition"),),
            partial(transfer.other_sizes_do_not_transfer, generator=Role(size)),
            "one architecture and one recipe of training make networks alike", run,
        )
        for size in SIZES
    )  # fmt: skip


def _of_images(run: str) -> tuple[Claim, ...]:
    made = f"fig3_visual_{run}"
    return (
        *_matching(run, "images", made, f"figs1_s8_layer_grids_{run}"),
        *_gradients(run, f"fig2_validation_{run}"),
        _recognition(run, "images", made, "16-way"),
        *_sizes(run, made),
    )


REAL_CLAIMS = (
    *_of_images(IMAGENET),
    *_of_images(PHOTOGRAPHS),
    *_matching(
        COMMANDS, "sounds", f"fig4_audio_{COMMANDS}", f"figs1_s8_layer_grids_audio_{COMMANDS}"
    ),
    *_gradients(COMMANDS, f"fig2_validation_{COMMANDS}"),
    _recognition(COMMANDS, "sounds", f"fig4_audio_{COMMANDS}", "word"),
)
