"""Claims 1 to 5 on real networks: those that others trained, on photographs or on commands.

Three runs may have them: the EfficientNet-Lites on renders and on photographs, and the networks of
spoken commands. Nobody published second seeds of these; in claim 5 other sizes of the same
architecture take their place, which is said in its name.

Source: paper, sections 2 and 3.
"""

from functools import partial

from model_metamers.analysis.claims import first_claims, transfer
from model_metamers.analysis.claims.finding import Claim
from model_metamers.analysis.claims.roles import Role

IMAGENET, PHOTOGRAPHS, COMMANDS = "imagenet", "imagenet_photographs", "commands"
SIZES = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")

_ALIKE = "early layers respond alike to all natural stimuli of low contrast"
_TOO_LIKE = "the networks differ too little"
_OF_GRADIENTS = (first_claims.TOO_SHORT, first_claims.TOO_SHORT)


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
    made, grid = f"fig3_visual_{run}", f"figs1_s8_layer_grids_{run}"
    return (
        *first_claims.of_matches("images", made, grid, first_claims.TOO_SHORT, _ALIKE, run),
        *first_claims.of_gradients(f"fig2_validation_{run}", _OF_GRADIENTS, run),
        first_claims.of_depth("images", made, "16-way", _TOO_LIKE, run),
        *_sizes(run, made),
    )


def _of_commands(run: str) -> tuple[Claim, ...]:
    made, grid = f"fig4_audio_{run}", f"figs1_s8_layer_grids_audio_{run}"
    return (
        *first_claims.of_matches("sounds", made, grid, first_claims.TOO_SHORT, _ALIKE, run),
        *first_claims.of_gradients(f"fig2_validation_{run}", _OF_GRADIENTS, run),
        first_claims.of_depth("sounds", made, "word", _TOO_LIKE, run),
    )


REAL_CLAIMS = (*_of_images(IMAGENET), *_of_images(PHOTOGRAPHS), *_of_commands(COMMANDS))
