"""The sounds that the small audio networks learn from: spoken words and background textures.

Words come from our synthesiser and, where there is one, from a folder of recordings like Speech
Commands; textures from our recipes. Each set is made once, kept as shards of int16 waveforms in a
folder, and read into memory. Stored clips are longer than the networks' one second by as much as
training shifts them.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from model_metamers.files import atomic_file
from model_metamers.stimuli import folders
from model_metamers.stimuli.csv_files import rows_of
from model_metamers.stimuli.labels import SMALL_BACKGROUND_LABELS, SMALL_WORD_LABELS
from model_metamers.stimuli.made import speech, textures
from model_metamers.stimuli.sounds import SAMPLE_RATE_HZ, load_sound
from model_metamers.training.datasets import FIRST_SEED

N_SAMPLES = 20_000
SHIFT_SAMPLES = 2_000
WORD_SAMPLES = N_SAMPLES + 2 * SHIFT_SAMPLES
TEXTURE_SAMPLES = 3 * N_SAMPLES


@dataclass(frozen=True)
class Sounds:
    """Labelled waveforms.

    Attributes:
        waveforms: int16 [n, samples]; full scale is 32768.
        labels: int32 [n], from 1: label 0 is that of no word or no background.
    """

    waveforms: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def joined(cls, parts: Sequence["Sounds"]) -> "Sounds":
        """Return all sounds of several sets."""
        waveforms = np.concatenate([part.waveforms for part in parts])
        return cls(waveforms, np.concatenate([part.labels for part in parts]))


def synthetic_words(split: str, n_shards: int, directory: Path) -> Sounds:
    """Speak, or read back, the words of a split.

    Args:
        split: "train", "validation" or "test".
        n_shards: of `speech.UTTERANCES_PER_SHARD` words each.
        directory: where the shards are kept.

    Returns:
        Clips of `WORD_SAMPLES`, the word's midpoint in the middle.
    """
    shards = [
        _shard(
            directory / f"speech_{split}_{shard:04d}.npy",
            partial(speech.speak_shard, split, shard, WORD_SAMPLES, SAMPLE_RATE_HZ),
        )
        for shard in range(n_shards)
    ]
    words = [speech.plan(split, i).word for i in range(sum(map(len, shards)))]
    return Sounds(np.concatenate(shards), _indices(words, SMALL_WORD_LABELS))


def recorded_words(folder: Path, split: str, directory: Path) -> Sounds:
    """Read the recordings of a folder like Speech Commands whose word is one of the twenty.

    Args:
        folder: one sub-folder per word. Speakers are split by its index.csv (columns file, word
            and split) or, as Speech Commands is published, by testing_list.txt and
            validation_list.txt.
        split: "train", "validation" or "test".
        directory: where the shard is kept.

    Returns:
        Clips of `WORD_SAMPLES`, shorter recordings in the middle of faint noise.

    Raises:
        ValueError: no such folder, no split, or no word of the twenty in it.
    """
    folder = folders.existing_folder(folder, "sounds")
    files = [
        (path, word) for path, word in _files_of_split(folder, split) if word in speech.CORE_WORDS
    ]
    if not files:
        raise ValueError(
            f"the split {split!r} of {folder} holds none of the words "
            f"{', '.join(speech.CORE_WORDS)}"
        )

    def read() -> np.ndarray:
        return np.stack([load_sound(path, SAMPLE_RATE_HZ, WORD_SAMPLES) for path, _ in files])

    # Another folder, or another listing of it, is another shard.
    listed = "\n".join(f"{word} {path.name} {path.stat().st_size}" for path, word in files)
    listing = hashlib.sha256(listed.encode()).hexdigest()[:16]
    waveforms = _shard(directory / f"recordings_{split}_{listing}.npy", read)
    return Sounds(waveforms, _indices([word for _, word in files], SMALL_WORD_LABELS))


def background_textures(split: str, n_per_class: int, directory: Path) -> Sounds:
    """Make, or read back, `n_per_class` textures of `TEXTURE_SAMPLES` of every class."""

    def make() -> np.ndarray:
        return np.stack(
            [
                textures.make_texture(name, seed, TEXTURE_SAMPLES, SAMPLE_RATE_HZ)
                for seed in range(FIRST_SEED[split], FIRST_SEED[split] + n_per_class)
                for name in textures.TEXTURES
            ]
        )

    waveforms = _shard(directory / f"textures_{split}_{n_per_class}.npy", make)
    names = n_per_class * list(textures.TEXTURES)
    return Sounds(waveforms, _indices(names, SMALL_BACKGROUND_LABELS))


def _shard(path: Path, make: Callable[[], np.ndarray]) -> np.ndarray:
    if not path.exists():
        pcm = np.round(32767 * np.clip(make(), -1, 1)).astype(np.int16)
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(path) as file:
            np.save(file, pcm)
    return np.load(path, allow_pickle=False)


def _indices(names: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    return np.array([labels.index(name) for name in names], np.int32)


def _files_of_split(folder: Path, split: str) -> list[tuple[Path, str]]:
    """Return (file, word) of a split, sorted."""
    if (folder / "index.csv").is_file():
        rows = [row for _, row in rows_of(folder / "index.csv", ("file", "word", "split"))]
        return sorted((folder / r["file"], r["word"]) for r in rows if r["split"] == split)
    lists = {name: folder / f"{name}_list.txt" for name in ("testing", "validation")}
    for path in lists.values():
        if not path.is_file():
            raise ValueError(
                f"{folder} does not say which speakers are for training: it needs index.csv, or "
                f"the testing_list.txt and validation_list.txt of Speech Commands"
            )
    held_out = {name: set(path.read_text().split()) for name, path in lists.items()}
    if split == "train":
        names = {f"{path.parent.name}/{path.name}" for path in folder.glob("*/*.wav")}
        chosen = names - held_out["testing"] - held_out["validation"]
    else:
        chosen = held_out["testing" if split == "test" else "validation"]
    return sorted((folder / name, name.split("/")[0]) for name in chosen)
