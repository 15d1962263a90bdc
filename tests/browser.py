"""A browser without a window, and jsPsych from npm, for the tests of pages.

Both are the machine's own: where one is missing, or cannot run, tests say so and are skipped.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from model_metamers.human import jspsych

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--mute-audio",
)  # fmt: skip
NPM_SECONDS = 60


def jspsych_folder(folder: Path) -> Path:
    """Return a folder that npm has filled with the pinned packages."""
    if shutil.which("npm") is None:
        pytest.skip("needs npm, to fetch jsPsych")
    (folder / "package.json").write_text("{}")
    command = [*jspsych.INSTALL.split(), "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        result = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=NPM_SECONDS
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not fetch jsPsych within {NPM_SECONDS} s")
    if result.returncode:
        pytest.skip(f"npm cannot fetch jsPsych: {(result.stderr.splitlines() or ['?'])[-1]}")
    return folder


@contextmanager
def browser(profile: Path, width: int = 1280, height: int = 800) -> Iterator[Any]:
    """Give a driver of a browser with a new profile, which downloads into `profile`/downloads."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs the package selenium")
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    driver_path = shutil.which("chromedriver")
    if found is None or driver_path is None:
        pytest.skip("needs Chromium and chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = found
    for switch in (*SWITCHES, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    try:
        driver = webdriver.Chrome(options, webdriver.ChromeService(driver_path))
    except Exception as error:  # whatever keeps a browser from starting here
        pytest.skip(f"Chromium does not start: {str(error).splitlines()[0]}")
    try:
        folder = {"behavior": "allow", "downloadPath": str(profile / "downloads")}
        driver.execute_cdp_cmd("Browser.setDownloadBehavior", folder)
        yield driver
    finally:
        driver.quit()
