"""A browser without a window, and jsPsych from npm, for the tests of pages.

The browser is the machine's own; a test machine (`CI` is set) that has none gets Debian's. Where
one of them is missing, or cannot run, tests say so and are skipped.
"""

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from model_metamers.files import locked
from model_metamers.human import jspsych

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--mute-audio",
    "--autoplay-policy=no-user-gesture-required",
)  # fmt: skip
NPM_SECONDS, APT_SECONDS = 60, 300


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


def _installed() -> tuple[str | None, str | None]:
    """Return where the browser and its driver are."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None), shutil.which("chromedriver")


@functools.cache  # once is enough, also where it fails
def _install() -> None:
    """Install Debian's browser where that is possible; workers of pytest wait for each other."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return
    quietly = {"capture_output": True, "timeout": APT_SECONDS}
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with locked(Path(tempfile.gettempdir()) / "model_metamers_chromium"):
        if None not in _installed():
            return
        with suppress(subprocess.TimeoutExpired):
            subprocess.run(["apt-get", "update"], **quietly)
            install = ["apt-get", "install", "--yes", "--no-install-recommends"]
            subprocess.run([*install, "chromium", "chromium-driver"], env=environment, **quietly)


@contextmanager
def chromium(profile: Path, width: int = 1280, height: int = 800) -> Iterator[Any]:
    """Give a driver of a browser with a new profile, which downloads into `profile`/downloads."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="needs the package selenium")
    found, driver_path = _installed()
    if (found is None or driver_path is None) and os.environ.get("CI"):
        _install()
        found, driver_path = _installed()
    if found is None or driver_path is None:
        pytest.skip("needs Chromium and chromedriver (apt-get install chromium chromium-driver)")
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


def resize(browser, width_px: int, height_px: int = 900) -> None:
    """Give the page a width, which windows cannot have below 500 px."""
    size = {"width": width_px, "height": height_px, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


def in_colours(browser, scheme: str) -> None:
    """Show the page as a reader sees it who prefers "light" or "dark"."""
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})


# Text whose contrast with what lies behind it is below 4.5, the bar of WCAG 2.1 AA.
LOW_CONTRAST = """
const luminance = (rgb) => {
  const [r, g, b] = rgb.map((v) => v / 255).map(
    (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const colour = (text) => text.match(/[\\d.]+/g).map(Number);
const behind = (element) => {
  for (let e = element; e; e = e.parentElement) {
    const found = colour(getComputedStyle(e).backgroundColor);
    if (found.length === 3 || found[3] > 0) return found.slice(0, 3);
  }
  return [255, 255, 255];
};
const low = [];
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  if (!own || !element.getClientRects().length || element.disabled) continue;
  const style = getComputedStyle(element);
  const text = colour(style.color).slice(0, 3);
  const [a, b] = [luminance(text), luminance(behind(element))].sort((x, y) => y - x);
  const contrast = (a + 0.05) / (b + 0.05);
  if (contrast < 4.5) low.push([element.tagName, element.textContent.slice(0, 40), contrast]);
}
return low;
"""

# Elements that stick out of the page, or whose own content is cut off.
CUT_OFF = """
const out = [];
for (const element of document.querySelectorAll("body *")) {
  const box = element.getBoundingClientRect();
  if (!box.width || element.closest("svg") !== null && element.tagName !== "svg") continue;
  const hidden = element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0
    && getComputedStyle(element).display !== "inline" && element.tagName !== "SELECT";
  if (box.left < -1 || box.right > document.documentElement.clientWidth + 1 || hidden) {
    out.push([element.tagName, element.className.toString(), element.textContent.slice(0, 40)]);
  }
}
return out;
"""
