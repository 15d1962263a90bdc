"""The speech synthesiser eSpeak NG through ctypes: text in, waveform and word onsets out.

Library and voices come with the PyPI package `espeakng-loader`. The library keeps state from one
call to the next, so a waveform repeats exactly only after the same calls in a fresh process.

Source: espeak-ng's public header `speak_lib.h` (names, structures, constants).
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: no sound card, samples go to the callback
_RATE, _PITCH = 1, 3  # espeak_PARAMETER
_POSITION_OF_CHARACTERS, _UTF8 = 1, 1
_LIST_ENDS, _WORD, _TEXT_ENDS = 0, 1, 6  # espeak_EVENT_TYPE


class _Identifier(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("text", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Identifier),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True)
class Utterance:
    """Synthesised speech.

    Attributes:
        waveform: float32 [samples] in [-1, 1].
        rate_hz: its sample rate.
        onsets_s: position of a word's first character in the text -> when it begins, in seconds.
        duration_s: length of the waveform.
    """

    waveform: np.ndarray
    rate_hz: int
    onsets_s: dict[int, float]
    duration_s: float

    def midpoint_s(self, position: int) -> float:
        """Return the middle of the word that begins at a position of the text.

        Raises:
            KeyError: no word begins there.
        """
        begins = self.onsets_s[position]
        later = [onset for onset in self.onsets_s.values() if onset > begins]
        return (begins + min(later, default=self.duration_s)) / 2


class Synthesizer:
    """eSpeak NG, started once per process.

    Raises:
        ValueError: `espeakng-loader` is not installed or does not start.
    """

    def __init__(self) -> None:
        try:
            import espeakng_loader
        except ImportError:
            raise ValueError(
                "making speech needs the package espeakng-loader; install it with: pip install -e "
                "'.[speech]'"
            ) from None
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self._rate_hz = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0)
        if self._rate_hz <= 0:
            raise ValueError("eSpeak NG does not start; reinstall the package espeakng-loader")
        self._samples: list[np.ndarray] = []
        self._onsets_s: dict[int, float] = {}
        self._callback = _Callback(self._receive)  # kept: the library calls it later
        self._library.espeak_SetSynthCallback(self._callback)

    def speak(self, text: str, voice: str, rate_wpm: int, pitch: int) -> Utterance:
        """Synthesise a text.

        Args:
            text: plain English.
            voice: language and variant, "en-us+f3".
            rate_wpm: words per minute, 80 to 450.
            pitch: 0 to 100.

        Raises:
            ValueError: the library refuses, or gives no sound.
        """
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise ValueError(f"eSpeak NG has no voice {voice!r}")
        self._library.espeak_SetParameter(_RATE, rate_wpm, 0)
        self._library.espeak_SetParameter(_PITCH, pitch, 0)
        self._samples, self._onsets_s = [], {}
        data = text.encode()
        failed = self._library.espeak_Synth(
            data, len(data) + 1, 0, _POSITION_OF_CHARACTERS, 0, _UTF8, None, None
        )
        if failed or not self._samples:
            raise ValueError(f"eSpeak NG could not speak {text!r} as {voice}")
        waveform = np.concatenate(self._samples).astype(np.float32) / 32768
        return Utterance(waveform, self._rate_hz, self._onsets_s, len(waveform) / self._rate_hz)

    def _receive(self, samples: Sequence, n_samples: int, events: Sequence) -> int:
        if samples and n_samples > 0:
            self._samples.append(np.ctypeslib.as_array(samples, (n_samples,)).copy())
        index = 0
        while events[index].type not in (_LIST_ENDS, _TEXT_ENDS):
            if events[index].type == _WORD:
                position = events[index].text_position - 1  # the library counts from 1
                self._onsets_s[position] = events[index].audio_position_ms / 1000
            index += 1
        return 0  # go on
