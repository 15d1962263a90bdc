"""What the scripts share: flags, presets, stimuli and observers of each modality, courses."""
