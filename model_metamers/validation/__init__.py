"""Is a metamer one? Rank correlations of activations, their null distribution, and the decision.

A metamer counts if the network gives it the label it gives the natural stimulus, and if the
activations of the two at the matched layer correlate (Spearman) more than any two different
natural stimuli do.

Source: paper section 2.5, Tables S4 and S5.
"""

from model_metamers.validation.acceptance import accept, count_exclusions, reasons
from model_metamers.validation.nulls import (
    NullDistribution,
    NullPlan,
    null_distribution,
    null_distributions,
)
from model_metamers.validation.published import published_nulls
from model_metamers.validation.ranks import spearman

__all__ = [
    "NullDistribution",
    "NullPlan",
    "accept",
    "count_exclusions",
    "null_distribution",
    "null_distributions",
    "published_nulls",
    "reasons",
    "spearman",
]
