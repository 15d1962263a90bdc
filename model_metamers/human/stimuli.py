"""What run folders offer to people: natural stimuli, accepted metamers, and their classes.

People get the very files that were certified, the previews. A stimulus' class is the
name of the sub-folder that it came from: recorded, or else what its id begins with.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from model_metamers.human.trials import NATURAL, Condition
from model_metamers.paper import load_table
from model_metamers.stimuli.labels import (
    SIXTEEN_CATEGORIES,
    SMALL_WORD_LABELS,
    sixteen_category_of,
)
from model_metamers.store import RunFolder
from model_metamers.store.run_folder import made_layers

IMAGE_TASK, WORD_TASK = "image", "word"
TASK_IN_TABLES = {IMAGE_TASK: "16-way", WORD_TASK: "word"}
_TASK_OF_SUFFIX = {".png": IMAGE_TASK, ".wav": WORD_TASK}
_WORDS_OF_THE_PAPER = [word for word in load_table("word_labels").word if word[:2] != "__"]


@dataclass(frozen=True)
class Pool:
    """What can be shown.

    Attributes:
        task: `IMAGE_TASK` or `WORD_TASK`.
        choices: the answers people choose from.
        labels: source -> right answer.
        files: (condition, source) -> preview.
        runs: the folders, for the record.
    """

    task: str
    choices: tuple[str, ...]
    labels: Mapping[str, str]
    files: Mapping[tuple[Condition, str], Path]
    runs: tuple[Path, ...]

    def available(self) -> dict[Condition, set[str]]:
        """Return condition -> sources of which there is a version, natural stimuli first."""
        sources: dict[Condition, set[str]] = {NATURAL: set()}
        for condition, source in self.files:
            sources.setdefault(condition, set()).add(source)
        return sources


def read_pool(
    folders: Sequence[RunFolder],
    networks: Collection[str] | None = None,
    layers: Collection[str] | None = None,
    words: Sequence[str] | None = None,
) -> Pool:
    """Return what run folders offer.

    Args:
        folders: of images, or of sounds.
        networks: whose metamers; None for all.
        layers: matched layers; None for all.
        words: to choose from in the word task; by default the small networks' words if these are
            all, else the paper's list.

    Raises:
        ValueError: nothing to show, images and sounds together, a stimulus of no known class, or
            two of one name.
    """
    configs = [_config(folder) for folder in folders]
    _check_same_stimuli(configs, folders)
    files = _files(folders, networks, layers)
    tasks = {_TASK_OF_SUFFIX[path.suffix] for path in files.values()}
    if len(tasks) > 1:
        raise ValueError("expected run folders of images or of sounds; got both, which two "
                         "experiments could show")  # fmt: skip
    (task,) = tasks
    sources = sorted({source for _, source in files})
    if task == IMAGE_TASK:
        choices: tuple[str, ...] = SIXTEEN_CATEGORIES
        named: dict[str, str] = {}
        for config in configs:
            named |= config.get("stimulus_labels", {})
        labels = {source: _category(source, named.get(source, "")) for source in sources}
    else:
        choices = tuple(words) if words is not None else _vocabulary(sources)
        labels = {source: _word(source, choices) for source in sources}
    return Pool(task, choices, labels, files, tuple(folder.path.resolve() for folder in folders))


def read_words(path: Path) -> tuple[str, ...]:
    """Return the words of a file with one a line.

    Raises:
        ValueError: unreadable, no words, one twice, in whatever case, or one that is no word.
    """
    try:
        words = tuple(
            line.strip() for line in path.read_text("utf-8-sig").splitlines() if line.strip()
        )
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"cannot read the words of {path}: {error}") from None
    strange = [word for word in words if not re.fullmatch(r"[^\W_]+(['’ -][^\W_]+)*", word)]
    if strange or not words:
        found = f"{strange[0]!r}" if strange else "an empty file"
        raise ValueError(f"expected one word a line in {path}; got {found}")
    folded = [word.casefold() for word in words]  # people may type either
    twice = [word for word, same in zip(words, folded, strict=True) if folded.count(same) > 1]
    if twice:
        raise ValueError(
            f"{path} has {twice[0]!r} twice, also as {twice[1]!r}; give every word once"
        )
    return words


def _files(
    folders: Sequence[RunFolder],
    networks: Collection[str] | None,
    layers: Collection[str] | None,
) -> dict[tuple[Condition, str], Path]:
    """Return the previews of accepted metamers, and of the stimuli they were made from."""
    tables = [folder.read_table("matches") for folder in folders]
    for column, wanted in (("network", networks), ("layer", layers)):
        _check_known(f"--{column}s", wanted, pd.concat(tables)[column].unique())
    chosen = [
        table[
            (table.network.isin(networks) if networks is not None else True)
            & (table.layer.isin(layers) if layers is not None else True)
            & (table.stimulus_id != "")
        ]
        for table in tables
    ]
    if not any(table.accepted.any() for table in chosen):
        raise ValueError(
            f"none of the {sum(map(len, chosen))} metamers that were asked for is accepted, so "
            "there is none to show; exclusions.csv of the run tells why. Make better ones (more "
            "--iterations), or choose other --networks and --layers"
        )
    files: dict[tuple[Condition, str], Path] = {}
    for folder, table in zip(folders, chosen, strict=True):
        for row in table.drop_duplicates("stimulus_id").itertuples():
            path = _preview(folder, row.network, NATURAL.layer, row.stimulus_id)
            files.setdefault((NATURAL, row.stimulus_id), path)
        for row in table[table.accepted].itertuples():
            key = (Condition(row.network, row.layer), row.stimulus_id)
            if key in files:
                raise ValueError(
                    f"{folder.path} and another folder both hold the metamer of "
                    f"{row.stimulus_id} from {row.network} {row.layer}; give one of them"
                )
            files[key] = _preview(folder, row.network, row.layer, row.stimulus_id)
    return files


def _check_known(flag: str, wanted: Collection[str] | None, known: Collection[str]) -> None:
    if missing := [name for name in wanted or () if name not in known]:
        raise ValueError(
            f"the run folders have no metamers of {flag}={','.join(missing)}; there are those of: "
            f"{', '.join(known)}"
        )


def _preview(folder: RunFolder, network: str, layer: str, source: str) -> Path:
    path = folder.preview_path(network, layer, source)
    if path is None:
        raise ValueError(
            f"{folder.path} lacks the preview of {source} from {network} {layer} (those under "
            "figures/ hold samples only); run the script that made the folder again"
        )
    return path


def _config(folder: RunFolder) -> dict[str, Any]:
    """Return the settings that a run recorded, none where there is no record."""
    if not (folder.path / "run.json").is_file():
        return {}
    record = folder.read_run_record()
    made_layers(record, folder.path / "run.json")
    return record["config"]


def _check_same_stimuli(
    configs: Sequence[Mapping[str, Any]], folders: Sequence[RunFolder]
) -> None:
    """Raise ValueError where two runs call different files by one name, as far as they tell."""
    first: dict[str, tuple[str, RunFolder]] = {}
    for config, folder in zip(configs, folders, strict=True):
        for source, digest in config.get("stimulus_sha256", {}).items():
            known, other = first.setdefault(source, (digest, folder))
            if known != digest:
                raise ValueError(
                    f"{source} of {other.path} and of {folder.path} are different stimuli; make "
                    f"one of the runs anew from files of other names"
                )


def _category(source: str, label: str) -> str:
    category = sixteen_category_of(label or source.split("_")[0])
    if category is None:
        raise ValueError(
            f"the stimulus {source} is of none of the 16 categories that people choose from; its "
            "sub-folder has to be named like one, or by a WordNet id, or its id begin so"
        )
    return category


def _vocabulary(sources: Sequence[str]) -> tuple[str, ...]:
    small = SMALL_WORD_LABELS[1:]
    of_small = all(source.split("_")[0] in small for source in sources)
    return tuple(sorted(small)) if of_small else tuple(sorted(_WORDS_OF_THE_PAPER))


def _word(source: str, words: Sequence[str]) -> str:
    """Return the word that an id begins with; in ids, other signs than letters are "_".

    Raises:
        ValueError: it begins with none of the words, or with several that look alike in ids.
    """
    begun = [w for w in words if source.startswith(re.sub(r"[^A-Za-z0-9_-]", "_", w) + "_")]
    if not begun:
        raise ValueError(
            f"the stimulus {source} begins with none of the {len(words)} words that people choose "
            "from; give the list that it is in as --words"
        )
    longest = [word for word in begun if len(word) == max(map(len, begun))]
    if len(longest) > 1:
        raise ValueError(
            f"{longest[0]!r} and {longest[1]!r} look alike in names of files, as of {source}; "
            f"spell them in ASCII, in the folders and in --words"
        )
    return longest[0]
