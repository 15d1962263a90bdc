"""The pages in a browser: a participant goes from the first page to the response file.

The browser is Chromium without a window; jsPsych comes from npm, in the pinned versions.
"""

import contextlib
import json
import threading
import time

import command_line
import numpy as np
import pytest
from browser import chromium, jspsych_folder
from human_runs import CATEGORIES, WORDS, write_run

from model_metamers.human import jspsych
from model_metamers.human.design import read_design
from model_metamers.human.responses import parse, read_folder
from model_metamers.human.server import Laboratory, make_server
from model_metamers.store import RunFolder

pytestmark = pytest.mark.slow
ENTER, TAB, BACKSPACE = "\ue007", "\ue004", "\ue003"
# Sounds are played fast, so that the six headphone checks do not take half a minute.
FAST_SOUNDS = """
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () { this.playbackRate = 8; return play.call(this); };
"""
# What a page shows in text of too little contrast, or beyond its sides.
LOOK = """
const luminance = (rgb) => {
  const [r, g, b] = rgb.map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
const ground = (e) => {
  const colour = numbers(getComputedStyle(e).backgroundColor);
  return colour[3] === 0 ? ground(e.parentElement) : colour.slice(0, 3);
};
const wrong = [];
for (const e of document.querySelectorAll("main *")) {
  const hasText = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  if (!e.offsetParent || !hasText) continue;
  const [a, b] = [luminance(numbers(getComputedStyle(e).color)), luminance(ground(e))];
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (contrast < 4.5) wrong.push(`faint: ${e.textContent}`);
  const box = e.getBoundingClientRect();
  if (box.left < 0 || box.right > arguments[0]) wrong.push(`cut off: ${e.textContent}`);
}
const middle = document.querySelector("main h1, .choices, canvas").getBoundingClientRect();
if (Math.abs(middle.left + middle.right - arguments[0]) > 20) wrong.push("not in the middle");
for (const e of document.querySelectorAll("button, input, canvas")) {
  if (!(e.textContent.trim() || e.labels?.length || e.ariaLabel)) wrong.push("no name");
}
return wrong;
"""


class Participant:
    """Somebody at the keyboard, who answers what they are told to."""

    def __init__(self, driver, width):
        self.driver, self.width = driver, width
        self.looked_at = []

    def see(self, text, seconds=20):
        """Wait until the page shows a text, and look at the page."""
        end = time.monotonic() + seconds
        while text not in (shown := self.driver.find_element("tag name", "main").text):
            assert time.monotonic() < end, f"waited for {text!r}; the page shows {shown!r}"
            time.sleep(0.02)
        return shown

    def see_choices(self):
        """Wait for the sixteen buttons, and return what they are in."""
        self.see("airplane", 30)
        return self.driver.find_element("class name", "choices")

    def look(self, name):
        assert self.driver.execute_script(LOOK, self.width) == [], name
        self.looked_at.append(name)

    def press(self, keys):
        self.driver.switch_to.active_element.send_keys(keys)

    def go_on(self, title):
        """Press Enter on a page with one button."""
        self.see(title)
        self.look(title)
        self.press(ENTER)

    def check_console(self):
        assert self.driver.get_log("browser") == []


@pytest.fixture(scope="module")
def npm_folder(tmp_path_factory):
    return jspsych_folder(tmp_path_factory.mktemp("npm"))


def experiment(tmp_path, npm_folder, labels, *flags, sounds=False):
    """Make an experiment with the script; return its folder and its design."""
    write_run(tmp_path / "run", labels, sounds)
    folder = tmp_path / "experiment"
    result = command_line.run(
        "human_experiment", f"--run_dirs={tmp_path / 'run'}", f"--output_dir={folder}",
        f"--jspsych_dir={npm_folder}", "--participants=3", "--break_every=3", *flags,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return folder, read_design(folder)


@pytest.fixture
def served(tmp_path, npm_folder):
    """An image experiment and a server that shows it."""
    folder, design = experiment(
        tmp_path, npm_folder, CATEGORIES, "--degrees=3", "--response_ms=4000"
    )
    server = make_server(Laboratory(design, folder / "page", folder / "responses"), "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    yield folder, design, f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


KEYS = "1234qwerasdfzxcv"


def answer_images(person, design, steps, missed):
    """Answer the trials: by key, the first by clicking, and one not at all."""
    for place, step in enumerate(steps):
        group = person.see_choices()
        if place == 0:
            person.look("choices")
            person.driver.find_element("css selector", f"[data-choice={step.label}]").click()
        elif place != missed:
            person.press(KEYS[design.choices.index(step.label)])
        wait_until_gone(group)
        if step.phase == "practice":
            person.go_on("Right")
            person.go_on("Now the experiment")
        else:
            rest(person, place)


def wait_until_gone(element):
    from selenium.common.exceptions import StaleElementReferenceException

    end = time.monotonic() + 30
    with contextlib.suppress(StaleElementReferenceException):
        while time.monotonic() < end:
            element.is_displayed()
            time.sleep(0.02)
        pytest.fail("the trial does not end")


def rest(person, place):
    """Go on after a break, which comes after three trials that are no practice."""
    if place in (3, 6):
        person.go_on("A break")


def test_images_from_the_first_page_to_the_figures_table(served, tmp_path):
    folder, design, address = served
    with chromium(tmp_path / "profile") as driver:
        person = Participant(driver, 1280)
        driver.get(address)
        person.go_on("About this experiment")
        person.see("How large is your screen?")
        person.look("card")
        card = driver.find_element("class name", "card").size["width"]
        person.press("\ue014" * 2 + TAB + ENTER)  # two to the right: two pixels wider
        person.go_on("What you have to do")
        steps = design.participants[0][1:]
        missed = next(p for p, step in enumerate(steps) if p > 1 and step.phase == "test")
        answer_images(person, design, steps[:5], missed)
        driver.refresh()
        person.go_on("Welcome back")
        for place, step in enumerate(steps[5:], start=5):
            group = person.see_choices()
            person.press(KEYS[design.choices.index(step.label)])
            wait_until_gone(group)
            rest(person, place)
        person.see("Your answers have arrived")
        person.look("end")
        driver.refresh()  # nothing is sent twice
        person.see("Your answers have arrived")
        person.press(TAB + ENTER)  # "Next participant"
        person.see("About this experiment")
        stored = driver.execute_script("return storage.getItem(STORED)")
        assert stored == "2"
        person.check_console()
    assert len(person.looked_at) >= 8
    (path,) = (folder / "responses").glob("*.csv")
    responses = parse(path.read_text(), design)
    assert responses[0].response.endswith(f"{(card + 2) / 85.6:.3f}/mm")
    given = [r.response for r in responses[1:]]
    assert given == [s.label if place != missed else "" for place, s in enumerate(steps)]
    check_timing(responses[1:], design.settings["image_ms"])
    result = command_line.run("human_analysis", f"--experiment_dir={folder}")
    assert result.returncode == 0, result.stderr
    table = RunFolder(tmp_path / "run").read_table("recognition")
    assert set(table[table.observer == "human (yours)"].layer) == {"natural", "first", "last"}


def check_timing(responses, requested_ms):
    """The image was there as long as asked for, to one frame; and a frame is a frame."""
    for response in responses:
        assert response.frame_ms > 0
        assert abs(response.stimulus_ms - requested_ms) <= response.frame_ms, response
    assert np.median([r.frame_ms for r in responses]) < 100


def test_words_from_the_first_page_to_the_downloaded_file(tmp_path, npm_folder):
    folder, design = experiment(tmp_path, npm_folder, WORDS, sounds=True)
    with chromium(tmp_path / "profile", 500, 844) as driver:
        phone = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", phone)
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": FAST_SOUNDS})
        person = Participant(driver, 390)
        driver.get((folder / "page" / "index.html").as_uri())
        person.see("Your participant number")
        person.press("17" + ENTER)
        person.see("a whole number from 1 to 3")
        person.look("number")
        person.press(BACKSPACE * 2 + "2" + ENTER)
        person.go_on("About this experiment")
        person.see("Set the level")
        person.look("level")
        person.press(ENTER)
        person.press(TAB + ENTER)
        steps = design.participants[1][1:]
        for place, step in enumerate(steps[:6], start=1):
            person.go_on(f"Headphone check {place} of 6")
            wait_until_enabled(driver, "[data-choice='1']")
            person.press(step.label)
        person.go_on("What you have to do")
        answer_words(person, design, steps[6:])
        person.see("Thank you")
        person.look("end")
        person.press(ENTER)  # on the link
        path = tmp_path / "profile" / "downloads" / "participant_002.csv"
        end = time.monotonic() + 20
        while not path.exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        person.check_console()
    responses = read_folder(path.parent, design)
    assert [r.response for r in responses[1:]] == [step.label for step in steps]
    assert [r.presentations for r in responses] == [
        2 if place == 8 else 1 for place in range(len(responses))
    ]


def answer_words(person, design, steps):
    """Type the words; try one that is not in the list, and reload in the second trial."""
    for place, step in enumerate(steps):
        of = 1 if step.phase == "practice" else len(steps) - 1
        person.see(f"{'Practice' if of == 1 else 'Sound'} {max(place, 1)} of {of}")
        wait_until_enabled(person.driver, "#word")
        if place == 0:
            person.press("nonsense" + ENTER)
            person.see("not in the list")
            person.look("word")
            person.press(BACKSPACE * 8)
            check_completion(person.driver)
        if place == 1:
            person.driver.refresh()
            person.go_on("Welcome back")
            person.see("Now the experiment")
            person.go_on("Now the experiment")
            wait_until_enabled(person.driver, "#word")
        person.press(step.label.upper() + ENTER)
        if step.phase == "practice":
            person.go_on("Right")
            person.go_on("Now the experiment")
        elif place in (3, 6):
            person.go_on("A break")


def check_completion(driver):
    field = driver.switch_to.active_element
    field.send_keys("f")
    offered = [o.get_attribute("value") for o in driver.find_elements("css selector", "option")]
    assert offered == ["five", "four"]
    field.send_keys(BACKSPACE)


def wait_until_enabled(driver, selector):
    end = time.monotonic() + 20
    while not any(e.is_enabled() for e in driver.find_elements("css selector", selector)):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_the_hashes_are_those_of_the_packages(npm_folder, tmp_path):
    scripts = jspsych.read_scripts(npm_folder)
    assert len(scripts) == len(jspsych.SCRIPTS)
    changed = npm_folder / "node_modules" / "jspsych" / "dist" / "index.browser.min.js"
    content = changed.read_bytes()
    changed.write_bytes(content + b"\n")
    try:
        with pytest.raises(ValueError, match=r"is not that of jspsych 8\.2\.3"):
            jspsych.read_scripts(npm_folder)
    finally:
        changed.write_bytes(content)


def test_the_page_knows_no_answers_but_those_of_practice(tmp_path, npm_folder):
    folder, design = experiment(tmp_path, npm_folder, CATEGORIES)
    script = (folder / "page" / "experiment.js").read_text()
    known = json.loads(script.removeprefix("const experiment = ").rstrip(";\n"))
    for steps, shown in zip(design.participants, known["participants"], strict=True):
        for step, seen in zip(steps, shown, strict=True):
            assert ("label" in seen) == (step.phase == "practice")
            assert not step.label or step.label not in seen["stimulus"]
