"""Front ends: from a waveform to the time-frequency representation a network of sounds sees."""
