"""Stimuli: photographs, sounds, the noise a metamer starts from, and class labels."""
