"""Synthetic running speech with one of twenty words in the middle, by eSpeak NG in many voices.

The words are the core words of Speech Commands. Like the paper's stimuli, a clip is cut out of
running speech so that the word's midpoint stands in its middle: the words around it are partly
audible too. Pauses hold faint noise, never digital silence, which has no ranks to correlate.

Utterance i of a split is a function of (split, i), with i counted over shards that are spoken in
a process of their own each (`espeak` tells why). Voices that sound alike belong to one family, and
a family to one split: test voices are unknown to a trained network.

Source: paper section 3.1 (2-s cuts of speech, the word at the midpoint); Warden 2018 (the words).
"""

import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.signal

from model_metamers.stimuli.made.espeak import Synthesizer
from model_metamers.stimuli.noise import SOUND_NOISE_RMS, pink_noise
from model_metamers.stimuli.sounds import RMS

CORE_WORDS = (
    "yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go",
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
)  # fmt: skip

ACCENTS = ("en-us", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-029")

# Variants of eSpeak NG 1.52 without those that whisper or are hard to understand at normal speed
# (whisper, whisperf, zac, fast), and without those whose breath noise differs from call to call
# (f2, f3, f5, Alicia, Demonic, sandro, victor). Voices that sound alike stand in one string.
FAMILIES = {
    "train": (
        "adam benjamin caleb edward edward2 klatt klatt2 klatt3 klatt4 klatt5 klatt6",
        "Diogo Henrique Hugo michel miguel",
        "iven iven2 iven3 iven4",
        "robosoft2 robosoft3",
        "robosoft4 robosoft5 robosoft7",
        "Alex croak m6",
        "RicishayMax RicishayMax2 RicishayMax3",
        "Andrea", "AnxiousAndy", "Jacky", "Lee", "Marco", "Mike", "Reed", "Storm", "Tweaky",
        "UniRobot", "anikaRobot", "announcer", "antonio", "boris", "david", "ed", "f1", "grandma",
        "ian", "kaukovalta", "m4", "m5", "m8", "marcelo", "max", "mike2", "norbert", "pablo",
        "paul", "pedro", "quincy", "robosoft", "robosoft6", "robosoft8", "shelby",
    ),
    "validation": (
        "grandpa john m1", "Gene Gene2", "Denis", "Mario", "anika", "belinda", "f4", "m2",
        "travis",
    ),
    "test": (
        "steph steph2 steph3", "rob robert", "Nguyen m7", "Andy", "Annie", "Michael", "aunty",
        "gustave", "linda", "m3",
    ),
}  # fmt: skip
VOICES = {split: tuple(" ".join(families).split()) for split, families in FAMILIES.items()}

RATE_WPM = (110, 210)
PITCH_MEAN, PITCH_SD = 50, 22
FLOOR_DB = -45.0  # of the noise in the pauses, relative to the speech
UTTERANCES_PER_SHARD = 500

_ADJECTIVES = ("old", "young", "quiet", "clever", "famous", "busy", "happy", "careful")
_PEOPLE = ("farmer", "teacher", "lady", "doctor", "painter", "captain", "children", "neighbour")
_ACTIONS = (
    "opened the window", "walked home", "looked around", "smiled again", "sat by the river",
    "picked an apple", "answered the phone", "finished the work",
)  # fmt: skip
_TELLS = ("and said", "and read", "and shouted", "and wrote", "and heard", "and whispered")
_JOINTS = ("while", "because", "when", "but", "as", "until")


@dataclass(frozen=True)
class Plan:
    """One utterance: what is said, and how.

    Attributes:
        word: the word in the middle, one of `CORE_WORDS`.
        text: the sentence.
        position: of the word's first character in the sentence.
        voice: eSpeak NG's language and variant.
        rate_wpm: words per minute.
        pitch: 0 to 100.
    """

    word: str
    text: str
    position: int
    voice: str
    rate_wpm: int
    pitch: int


def plan(split: str, index: int) -> Plan:
    """Return utterance `index` of a split; the words take turns.

    Raises:
        ValueError: unknown split.
    """
    if split not in VOICES:
        raise ValueError(f"unknown split {split!r}; choose from: {', '.join(VOICES)}")
    rng = np.random.default_rng([list(VOICES).index(split), index])
    word = CORE_WORDS[index % len(CORE_WORDS)]

    def one_of(choices: Sequence[str]) -> str:
        return choices[int(rng.integers(len(choices)))]

    def clause() -> str:
        return f"the {one_of(_ADJECTIVES)} {one_of(_PEOPLE)} {one_of(_ACTIONS)}"

    before = f"{clause()} {one_of(_TELLS)} "
    return Plan(
        word=word,
        text=f"{before}{word} {one_of(_JOINTS)} {clause()}",
        position=len(before),
        voice=f"{one_of(ACCENTS)}+{one_of(VOICES[split])}",
        rate_wpm=int(rng.integers(*RATE_WPM, endpoint=True)),
        pitch=int(np.clip(rng.normal(PITCH_MEAN, PITCH_SD), 0, 99)),
    )


def family_of(voice: str) -> str:
    """Return the first voice of the family that a voice, "en-us+rob" or "rob", belongs to."""
    variant = voice.split("+")[-1]
    families = [family.split() for split in FAMILIES.values() for family in split]
    return next(family[0] for family in families if variant in family)


def speak_shard(split: str, shard: int, n_samples: int, sample_rate_hz: int) -> np.ndarray:
    """Speak `UTTERANCES_PER_SHARD` utterances in a fresh process and cut their clips.

    Args:
        split: "train", "validation" or "test".
        shard: utterances shard * UTTERANCES_PER_SHARD and the following.
        n_samples: length of a clip.
        sample_rate_hz: of a clip.

    Returns:
        float32 [UTTERANCES_PER_SHARD, n_samples], of zero mean and RMS 0.1; the words are those of
        `plan`.

    Raises:
        ValueError: unknown split, or no synthesiser.
    """
    first = shard * UTTERANCES_PER_SHARD
    plans = [plan(split, first + i) for i in range(UTTERANCES_PER_SHARD)]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_speak, (plans, n_samples, sample_rate_hz))


def _speak(plans: Sequence[Plan], n_samples: int, sample_rate_hz: int) -> np.ndarray:
    synthesizer = Synthesizer()
    return np.stack([_clip(synthesizer, each, n_samples, sample_rate_hz) for each in plans])


def _clip(
    synthesizer: Synthesizer, utterance: Plan, n_samples: int, sample_rate_hz: int
) -> np.ndarray:
    spoken = synthesizer.speak(
        utterance.text, utterance.voice, utterance.rate_wpm, utterance.pitch
    )
    common = np.gcd(sample_rate_hz, spoken.rate_hz)
    waveform = scipy.signal.resample_poly(
        spoken.waveform, sample_rate_hz // common, spoken.rate_hz // common
    )
    start = round(spoken.midpoint_s(utterance.position) * sample_rate_hz) - n_samples // 2
    clip = np.zeros(n_samples)
    inside = waveform[max(start, 0) : start + n_samples]
    clip[max(-start, 0) :][: len(inside)] = inside
    floor = pink_noise(n_samples, 0, utterance.text) * (RMS / SOUND_NOISE_RMS)
    clip = (clip - clip.mean()) * (RMS / clip.std()) + 10 ** (FLOOR_DB / 20) * floor
    return (clip * (RMS / clip.std())).astype(np.float32)
