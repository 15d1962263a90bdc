"""The pinned files of jsPsych: from its public network of servers, or from a folder.

Nothing of jsPsych is part of this project. A browser that loads the files checks their hashes
before it runs them, and so do we before we copy them.

Source: https://www.jspsych.org (MIT licence); the hashes are those of the packages on npm.
"""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from model_metamers.files import atomic_file

SERVERS = "https://unpkg.com"


@dataclass(frozen=True)
class Script:
    """One file of an npm package.

    Attributes:
        package: its name.
        version: the pinned one.
        sha384: of the file, in base64, as browsers take it.
    """

    package: str
    version: str
    sha384: str

    @property
    def url(self) -> str:
        """Where browsers get it."""
        return f"{SERVERS}/{self.package}@{self.version}/{_FILE}"

    @property
    def copy_name(self) -> str:
        """What its copy beside the page is called."""
        return f"jspsych/{self.package.split('/')[-1]}.min.js"


_FILE = "dist/index.browser.min.js"
SCRIPTS = (
    Script(
        "jspsych",
        "8.2.3",
        "rSMOcLayYRCXgf6ExTgyY+tTIgmnwYS8gZvBHBnKEesX9CWsOIpI8vAvCHllhsAE",
    ),
    Script(
        "@jspsych/plugin-html-button-response",
        "2.1.0",
        "tPGtXEC8xEbInWvarnxvJ3fyzeXwRDS0QjGUts+TGQ9I8OCxiqsv9lxTS3mEN6um",
    ),
    Script(
        "@jspsych/plugin-preload",
        "2.1.0",
        "BiUYHx4tdTYToceth936qf4Wkf+Ho2VZti/5bB5/nDiPRuTaZ37hrxkLsANkHGdp",
    ),
)
INSTALL = "npm install " + " ".join(f"{script.package}@{script.version}" for script in SCRIPTS)


def script_tags(is_copied: bool) -> list[str]:
    """Return the HTML that loads the scripts, with their hashes."""
    tags = []
    for script in SCRIPTS:
        if is_copied:
            tags.append(f'<script src="{script.copy_name}"></script>')
        else:
            tags.append(
                f'<script src="{script.url}" integrity="sha384-{script.sha384}" '
                'crossorigin="anonymous"></script>'
            )
    return tags


def read_scripts(folder: Path) -> dict[str, bytes]:
    """Return copy name -> content of the scripts in a folder of npm packages.

    Args:
        folder: "node_modules", or the folder that it is in.

    Raises:
        ValueError: one is missing, or of another version.
    """
    root = folder / "node_modules" if (folder / "node_modules").is_dir() else folder
    contents = {}
    for script in SCRIPTS:
        path = root / script.package / _FILE
        try:
            contents[script.copy_name] = path.read_bytes()
        except OSError as error:
            raise ValueError(
                f"--jspsych_dir lacks {path} ({error.strerror}); fill it with: {INSTALL}"
            ) from None
        if _sha384(contents[script.copy_name]) != script.sha384:
            raise ValueError(
                f"{path} is not that of {script.package} {script.version}, which this page was "
                f"made for; fill --jspsych_dir with: {INSTALL}"
            )
    return contents


def write_scripts(contents: dict[str, bytes], page: Path) -> None:
    """Write the scripts beside a page."""
    for name, content in contents.items():
        with atomic_file(page / name) as file:
            file.write(content)


def _sha384(content: bytes) -> str:
    return base64.b64encode(hashlib.sha384(content).digest()).decode()
