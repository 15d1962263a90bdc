"""The arguments of the command line, and its help. Without TensorFlow."""

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

KERAS_FILES = (".keras", ".h5", ".hdf5")
MOST = 10**9
MOST_OF_A_NULL = 100_000  # stimuli, which make 5 billion pairs
LARGEST_SEED = 2**31 - 1

_MAKE = """\
Make model metamers of your own images or sounds: stimuli that a layer of a network cannot tell
from them. Images are cropped to their centre square and resized, sounds are cut to their loudest
stretch or padded.

examples:
  model_metamers make --network efficientnet_lite0 --layer stage4 --input photo.jpg
  model_metamers make --network word_reduced_aliasing_small --layer conv_2 conv_4 --input yes.wav
  model_metamers make --keras_model my.keras --layer conv_3 --input photographs/
  model_metamers list                          the networks
  model_metamers layers efficientnet_lite0     their layers
"""
_MADE = """\
OUTPUT_DIR then holds
  gallery.html    all metamers beside their natural stimuli, to be opened in a browser
  previews/       the metamers as PNG or WAV files; the layer "natural" has what they were made of
  matches.csv     one row per metamer: losses, correlations, labels, accepted or not
  exclusions.csv  how many metamers were not accepted, and why
  nulls.csv       the null distributions, whose samples are in nulls/
  curves.csv      how loss and correlation went
  *.columns.csv   what the columns of each table mean
  run.json        settings, versions, hashes
  certificate.json  sha256 of the files, and the numbers computed again from them
  metamers/       the same as arrays of NumPy, and states of unfinished ones

A metamer is accepted when the network gives it the label of its natural stimulus and the two
correlate (Spearman) at the layer more than any two natural stimuli of the null distribution. Those
are the ones given, filled up with renders or spoken words that come with the package.

The same command continues a run that was interrupted, and leaves alone what is finished.
"""


_LAYERS = (
    "Print layer, shape, features, gradient of a network. Of a Keras model the layers are those "
    "with parameters and the ReLUs; `make --layer` takes the others too. The gradient is `true`, "
    "or `modified` where a layer ends in a ReLU: what the ReLU takes off passes a gradient too "
    "(paper, section 2.3); `modified and clipped` where the ReLU has an upper limit."
)


class _Parser(argparse.ArgumentParser):
    """A parser whose mistakes are one line, and to which -inf is a number."""

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self._negative_number_matcher = re.compile(r"-(inf|(\d+\.?\d*|\.\d+)(e[-+]?\d+)?)$")

    def error(self, message: str) -> NoReturn:
        print(f"error: {message}; see: {self.prog} --help", file=sys.stderr)
        sys.exit(2)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    whole = _Parser(
        prog="model_metamers", description="Model metamers of visual and auditory networks."
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="the networks, and where their weights come from")
    layers = commands.add_parser(
        "layers", help="the layers that metamers are made for", description=_LAYERS
    )
    fetch = commands.add_parser("fetch", help="download a network's published weights")
    of_files = f", or a Keras model of your own ({', '.join(KERAS_FILES)})"
    layers.add_argument("network", metavar="NETWORK", help=f"a name of `list`{of_files}")
    fetch.add_argument("network", metavar="NETWORK", help="a name of `list`")
    _add_make(
        commands.add_parser(
            "make",
            help="metamers of your own images or sounds",
            description=_MAKE,
            epilog=_MADE,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
    return whole


def _add_make(make: argparse.ArgumentParser) -> None:
    def add(name: str, help: str, **how: Any) -> None:
        make.add_argument(f"--{name}", help=help, **how)

    network = make.add_mutually_exclusive_group(required=True)
    network.add_argument("--network", metavar="NAME", help="a network of `model_metamers list`")
    network.add_argument(
        "--keras_model", metavar="FILE", type=_path, help="or a Keras model of your own"
    )
    add("layer", "layers to match; left out, it is said which there are",
        nargs="+", action="extend", metavar="L")  # fmt: skip
    add("input", "image or sound files, or folders of them: one with a sub-folder per class, or "
        "several, one per class", type=_path, nargs="+", action="extend", metavar="P",
        required=True)  # fmt: skip
    add("output_dir", "where the run folder goes [runs/<network>]", type=_path, metavar="DIR")
    add("iterations", "evaluations of loss and gradient, at most [%(default)s]",
        type=_whole(1), default=300, metavar="N")  # fmt: skip
    add("solver", "how to optimise: lbfgs needs fewer evaluations, adam is the paper's "
        "[%(default)s]", choices=("lbfgs", "adam"), default="lbfgs")  # fmt: skip
    add("learning_rate", "of adam, as a share of the stimulus range [.03 images, .006 sounds]",
        type=float, metavar="R")  # fmt: skip
    add("seed", "of the noise that metamers start from [%(default)s]",
        type=_whole(0, LARGEST_SEED), default=0, metavar="N")  # fmt: skip
    add("num_null_stimuli", "natural stimuli of the null distribution, 0 for none [%(default)s]",
        type=_whole(0, MOST_OF_A_NULL), default=32, metavar="N")  # fmt: skip
    add("batch_size", "stimuli optimised together [%(default)s]",
        type=_whole(1), default=16, metavar="N")  # fmt: skip
    add("stimulus_range", "values of a stimulus of your own model [0 1 for images, none for "
        "sounds]", nargs=2, type=float, metavar=("LOW", "HIGH"))  # fmt: skip
    add("sample_rate_hz", "of the sounds that your own model takes", type=_whole(1), metavar="N")


def _path(text: str) -> Path:
    if not text.strip() or "\0" in text:
        raise argparse.ArgumentTypeError("is empty; give a path, or leave it out")
    return Path(text)


def _whole(least: int, most: int = MOST) -> Callable[[str], int]:
    """Return the type of an argument that is a whole number."""

    def number(text: str) -> int:
        if not re.fullmatch(r"-?\d{1,18}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} to {most}")
        return int(text)

    return number
