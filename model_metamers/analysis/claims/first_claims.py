"""Claims 1 to 4 as every run has them: our small networks, and those that others trained."""

from collections.abc import Sequence
from functools import partial

from model_metamers.analysis.claims import matching, transfer
from model_metamers.analysis.claims.finding import SMALL, Claim

TOO_SHORT = "the optimisation is shorter than the paper's 15,000 steps"
NEIGHBOURS = (
    "little is lost between neighbouring layers, so to match the one nearly matches the other"
)


def of_matches(
    what: str, made: str, grid: str, lacking: str, alike: str, run: str = SMALL
) -> tuple[Claim, ...]:
    """Return claims 1 and 2.

    Args:
        what: "images" or "sounds".
        made: experiment with the metamers.
        grid: experiment with the layer grid.
        lacking: why we think metamers fail to match, where they do.
        alike: why those of late layers match at early ones, where they do.
        run: whose claims they are.
    """
    matches, layer_grid = ((made, "matches"),), ((grid, "layer_grid"),)
    return (
        Claim(
            1, f"{what}, at the layer", "metamers match at the layer they are made for",
            matches, matching.at_their_layer, lacking, run,
        ),
        Claim(
            1, f"{what}, after the layer", "metamers match at every layer after it",
            layer_grid, matching.after_their_layer, lacking, run,
        ),
        Claim(
            2, f"{what}, early layers", "metamers of late layers do not match at early layers",
            layer_grid, matching.late_ones_at_early_layers, alike, run,
        ),
        Claim(
            2, f"{what}, all earlier layers", "metamers of late layers match at no earlier layer",
            layer_grid, matching.late_ones_at_any_earlier_layer, NEIGHBOURS, run,
        ),
    )  # fmt: skip


def of_gradients(made: str, suspected: Sequence[str], run: str = SMALL) -> tuple[Claim, ...]:
    """Return claim 3, in its two parts.

    Args:
        made: experiment with metamers of both gradients.
        suspected: why we think each part fails, where it does.
        run: whose claims they are.
    """
    source, (no_gain, harm) = ((made, "fidelity"),), suspected
    return (
        Claim(
            3, "improves some layers",
            "the modified ReLU gradient improves the match at some layer",
            source, matching.modified_gradient_helps, no_gain, run,
        ),
        Claim(
            3, "harms none", "the modified ReLU gradient makes the match worse at no layer",
            source, matching.modified_gradient_does_no_harm, harm, run,
        ),
    )  # fmt: skip


def of_depth(what: str, made: str, task: str, suspected: str, run: str = SMALL) -> Claim:
    """Return claim 4.

    Args:
        what: "images" or "sounds".
        made: experiment with the recognition of metamers.
        task: whose scores count.
        suspected: why we think it fails, where it does.
        run: whose claim it is.
    """
    return Claim(
        4, what, "recognition by other networks falls with the depth of the layer",
        ((made, "recognition"),), partial(transfer.falls_with_depth, task=task), suspected, run,
    )  # fmt: skip
