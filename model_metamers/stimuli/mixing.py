"""Speech in a background at a signal-to-noise ratio, as the audio networks hear it in training.

The ratio is that of the root mean squares over the whole clip, pauses included.

Source: paper section 3.1; github.com/jenellefeather/cochdnn (SNR uniform in -10 to 10 dB, result
at RMS 0.1).
"""

import numpy as np

from model_metamers.stimuli.sounds import RMS


def mix_at_snr(
    speech: np.ndarray, background: np.ndarray, snr_db: np.ndarray | float, rms: float = RMS
) -> np.ndarray:
    """Add a background to speech and scale the sum.

    Args:
        speech: waveforms [..., samples], not silent.
        background: waveforms of the same shape, not silent.
        snr_db: 20 log10(RMS of speech / RMS of background): one number, or [...].
        rms: of the result.

    Returns:
        float32 waveforms [..., samples] of zero mean.

    Raises:
        ValueError: different shapes, or silence, which has no ratio to anything.
    """
    speech, background = np.asarray(speech, np.float64), np.asarray(background, np.float64)
    if speech.shape != background.shape:
        raise ValueError(
            f"speech and background must have one shape; got {list(speech.shape)} and "
            f"{list(background.shape)}"
        )
    gain = 10.0 ** (-np.asarray(snr_db, np.float64)[..., None] / 20)
    mixture = _at_unit_rms(speech, "speech") + gain * _at_unit_rms(background, "background")
    return (rms * _at_unit_rms(mixture, "mixture")).astype(np.float32)


def _at_unit_rms(waveform: np.ndarray, name: str) -> np.ndarray:
    waveform = waveform - waveform.mean(axis=-1, keepdims=True)
    rms = np.sqrt(np.mean(waveform**2, axis=-1, keepdims=True))
    if not (rms > 0).all():
        raise ValueError(f"the {name} is silent, so there is no signal-to-noise ratio")
    return waveform / rms
