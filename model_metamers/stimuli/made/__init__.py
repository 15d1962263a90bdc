"""Stimuli we make ourselves, deterministic by seed."""
