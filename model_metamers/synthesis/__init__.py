"""Synthesis: noise is optimised until one layer responds to it as to the natural stimulus."""

from model_metamers.synthesis.adam import adam_step
from model_metamers.synthesis.config import SOLVERS, SynthesisConfig
from model_metamers.synthesis.run import SynthesisResult, synthesize
from model_metamers.synthesis.state import SynthesisState, UnfitStateError, initial_noise

__all__ = [
    "SOLVERS",
    "SynthesisConfig",
    "SynthesisResult",
    "SynthesisState",
    "UnfitStateError",
    "adam_step",
    "initial_noise",
    "synthesize",
]
