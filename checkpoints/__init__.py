"""Weights of the small networks; an installation has this folder as model_metamers.checkpoints."""
