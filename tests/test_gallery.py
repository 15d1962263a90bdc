"""The gallery: what it tells of a run, and the page as a reader uses it, in Chromium."""

import json
import os
import re
import shutil
import time

import numpy as np
import pandas as pd
import pytest
from browser import CUT_OFF, LOW_CONTRAST, chromium, in_colours, resize
from command_line import PROJECT

from model_metamers.analysis.class_names import class_name, class_names
from model_metamers.gallery import exhibits
from model_metamers.gallery import page as page_module
from model_metamers.gallery.media import EXACT_PX, SIDE_PX, medium_of
from model_metamers.gallery.page import write_gallery
from model_metamers.networks.catalog import known_identities
from model_metamers.networks.identity import own_identity
from model_metamers.stimuli.labels import SMALL_BACKGROUND_LABELS, SMALL_WORD_LABELS
from model_metamers.stimuli.made.objects import FINE_CLASSES
from model_metamers.store import MATCHES_COLUMNS, NATURAL, RunFolder

IMAGES, SOUNDS = "vgg_19_small", "of_my_own"
LAYERS = ("conv1_2", "fc8")
STIMULI = ("cat_1", "dog_2", "</script>_3")
SAMPLE_RATE_HZ = 8000


def make_run(path, network, layers, stimuli, sounds=False, labels=None):
    """Make a run folder of random previews, of which the last metamer of a layer is rejected."""
    folder, random = RunFolder(path), np.random.default_rng(0)
    ids = [re.sub(r"\W", "-", name) for name in stimuli]
    folder.write_run_record(
        {"layers": {network: list(layers)}, "stimulus_labels": labels or {},
         "synthesis": {"iterations": 50, "solver": "lbfgs", "log_every": 25}},
        seed=0, versions={"numpy": np.__version__}, device="CPU",
        checkpoint_sha256={network: None},
    )  # fmt: skip
    shape = (4000,) if sounds else (24, 24, 3)
    rate = SAMPLE_RATE_HZ if sounds else None
    for layer in (NATURAL, *layers):
        kept = ids[:10]  # the files of more are links, which take no time
        values = random.random((len(kept), *shape)) - (0.5 if sounds else 0)
        folder.save_previews(network, layer, kept, values, rate)
        first = folder.preview_path(network, layer, ids[0])
        for name in ids[len(kept) :]:
            os.link(first, first.with_stem(name))
    rows, curves = [], []
    for layer in layers:
        for index, name in enumerate(ids):
            is_last = index == len(ids) - 1
            rho = 0.2 if is_last else 0.9
            rows.append((network, layer, name, 50, 2e4, 1e-3, rho, 0.99, 0.5, 0.01, "33",
                         "33", "finished", not is_last))  # fmt: skip
            for step, loss, value in ((0, 2e4, np.nan), (25, 3.0, rho / 2), (50, 1e-3, rho)):
                curves.append((network, layer, name, step, loss, value))
    folder.write_table("matches", pd.DataFrame(rows, columns=list(MATCHES_COLUMNS)))
    names = ["network", "layer", "stimulus_id", "evaluations", "loss", "spearman"]
    folder.write_table("curves", pd.DataFrame(curves, columns=names))
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of images and one of sounds."""
    place = tmp_path_factory.mktemp("runs")
    labels = dict.fromkeys(["cat_1", "dog_2"], "pets") | {"--script-_3": "</script><b>"}
    return [
        make_run(place / "seen", IMAGES, LAYERS, STIMULI, labels=labels),
        make_run(place / "heard", SOUNDS, ["first"], STIMULI[:2], sounds=True),
    ]


@pytest.fixture(scope="module")
def page(runs):
    path = runs[0].path.parent / "gallery.html"
    assert write_gallery(runs, path) == 8
    return path


def test_a_page_is_written_into_a_run_folder_under_its_lock(runs, monkeypatch):
    """Another process that takes the lock removes what it finds unfinished."""
    folder, replace, held = runs[1], os.replace, []

    def noted(source, target):
        held.append((folder.path / ".run.json.lock").exists())
        replace(source, target)

    monkeypatch.setattr(os, "replace", noted)
    write_gallery([folder], folder.path / "gallery.html")
    assert held == [True]
    (folder.path / "gallery.html").unlink()


def test_what_is_told_of_a_metamer(runs):
    shown = exhibits.exhibits_of(runs[0])
    assert [(x.layer, x.stimulus) for x in shown][:3] == [
        ("conv1_2", name) for name in ("cat_1", "dog_2", "--script-_3")
    ]
    assert shown[0].network == "VGG-19 (small)" and shown[0].kind == "pets"
    assert shown[0].reason == (
        f"correlation 0.900 is above the null’s 0.500; the network calls both {FINE_CLASSES[33]}"
    )
    assert not shown[2].accepted
    assert shown[2].reason == "correlation 0.200 is not above the null’s 0.500"
    steps, losses, correlations = shown[0].curve
    assert (steps, losses) == ([0, 25, 50], [2e4, 3.0, 1e-3]) and correlations[1:] == [0.45, 0.9]
    (sound, _) = exhibits.exhibits_of(runs[1])
    assert sound.kind == "class 33" and not sound.is_labelled


@pytest.mark.parametrize(
    ("network", "index", "name"),
    [
        ("vgg_19", "1", "goldfish"),
        ("inception_v3", "0", "background"),
        ("inception_v3", "2", "goldfish"),
        ("vgg_19_small_seed1", "33", FINE_CLASSES[33]),
        ("word_aliased_small.above_cochleagram", "3", SMALL_WORD_LABELS[3]),
        ("audioset_reduced_aliasing_small", "2", SMALL_BACKGROUND_LABELS[2]),
        ("ds_cnn_l", "2", "yes"),
        ("vggish", "2", "class 2"),
        ("my_own", "2", "class 2"),
    ],
)
def test_classes_have_names(network, index, name):
    assert class_name(index, class_names(network, known_identities())) == name


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("label_changed", "the network calls it b, and the natural one a"),
        ("no_null_distribution", "too few natural stimuli"),
        ("no_rank_correlation", "constant"),
        ("diverged", "not finite"),
        ("something else", "something else"),
    ],
)
def test_every_reason_is_told_in_words(reason, words):
    row = {"spearman_layer": 0.9, "null_max": np.nan, "label_natural": "0", "label_metamer": "1"}
    assert words in exhibits.reason_told(reason, row, ["a", "b"])


def test_losses_come_from_the_arrays_where_there_are_no_curves(tmp_path):
    folder = make_run(tmp_path, IMAGES, ["fc8"], STIMULI[:1])
    (tmp_path / "curves.csv").unlink()
    loss = np.array([[8.0], [4.0], [2.0], [2.0]], np.float32)
    values = np.zeros((1, 24, 24, 3))
    folder.save_piece(IMAGES, "fc8", values, values, ["cat_1"], loss, np.array([40]), ["finished"])
    (shown,) = exhibits.exhibits_of(folder)
    assert shown.curve == ([0, 25, 40], [8.0, 4.0, 2.0], [])


def test_a_run_without_previews_is_refused(tmp_path, runs):
    folder = RunFolder(tmp_path)
    folder.write_run_record({}, seed=0, versions={}, device="", checkpoint_sha256={})
    folder.write_table("matches", runs[0].read_table("matches"))
    with pytest.raises(ValueError, match="has no metamers to show"):
        exhibits.exhibits_of(folder)


@pytest.mark.parametrize(
    "changes",
    [{"layers": []}, {"layers": {"a": 5}}, {"stimulus_labels": []}, {"synthesis": None}],
)
def test_a_record_of_another_kind_is_told(changes, runs, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(runs[0].path, copy)
    record = json.loads((copy / "run.json").read_text())
    record["config"] |= changes
    (copy / "run.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=f"run.json has {next(iter(changes))} = "):
        exhibits.exhibits_of(RunFolder(copy, create=False))


def test_a_class_whose_name_is_no_text_is_shown(runs, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(runs[0].path, copy)
    record = json.loads((copy / "run.json").read_text())
    names = dict.fromkeys(runs[0].read_table("matches").stimulus_id, "caf\udce9")
    record["config"]["stimulus_labels"] = names
    (copy / "run.json").write_text(json.dumps(record))
    write_gallery([RunFolder(copy, create=False)], copy / "gallery.html")
    assert "caf?" in (copy / "gallery.html").read_text("utf-8")


def test_small_pictures_are_exact_and_large_ones_small(tmp_path):
    folder, random = RunFolder(tmp_path), np.random.default_rng(0)
    for name, side in (("exact", EXACT_PX), ("large", 2 * SIDE_PX)):
        folder.save_previews(name, NATURAL, ["a"], random.random((1, side, side, 3)))
        medium = medium_of(folder.preview_path(name, NATURAL, "a"))
        assert medium.size_px == (min(side, SIDE_PX),) * 2 and not medium.sound
        is_lossless = medium.picture[12:16] == b"VP8L"
        assert is_lossless == (name == "exact")


def test_a_sound_is_kept_without_loss(runs):
    path = runs[1].preview_path(SOUNDS, NATURAL, "cat_1")
    assert medium_of(path).sound == path.read_bytes()


def test_too_many_sounds_stay_in_the_run_folder(runs, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(page_module, "MOST_SOUND_BYTES", 8000)
    write_gallery(runs[1:], tmp_path / "gallery.html")
    assert "too many for a page" in caplog.text
    text = (tmp_path / "gallery.html").read_text()
    assert '"sound":null,"file":"' in text and len(text) < 60_000


def test_the_page_needs_nothing_but_itself(page):
    text = page.read_text()
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", text)
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    data = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1]
    items = json.loads(data)["items"]
    assert items[2]["kind"] == "</script><b>"
    # The natural stimuli are in the page once, for all layers.
    assert items[0]["natural"]["picture"] == items[3]["natural"]["picture"]
    pictures = {item[of]["picture"] for item in items for of in ("natural", "metamer")}
    assert len(pictures) == 3 + 6 + 2 + 2
    for item in items:
        assert (page.parent / item["metamer"]["file"]).is_file()


@pytest.fixture(scope="module")
def opened(page, tmp_path_factory):
    """Chromium with the page."""
    with chromium(tmp_path_factory.mktemp("browser")) as browser:
        resize(browser, 1280)
        browser.get(page.as_uri())
        yield browser


@pytest.fixture
def browser(opened, page):
    """Chromium with the page as it opens."""
    resize(opened, 1280)
    opened.get(page.as_uri())
    yield opened
    assert [x for x in opened.get_log("browser") if x["level"] in ("SEVERE", "WARNING")] == []


def wait_for(browser, script, seconds=10.0):
    """Wait until a script returns something true, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := browser.execute_script(f"return {script}"):
            return found
        time.sleep(0.05)
    raise AssertionError(f"never true: {script}")


def press(browser, *keys):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    ActionChains(browser).send_keys(*(getattr(Keys, key, key) for key in keys)).perform()


def choose(browser, name, value):
    from selenium.webdriver.support.select import Select

    Select(browser.find_element("id", name)).select_by_value(value)


def count(browser):
    return browser.find_element("id", "count").text


def test_pictures_load_and_curves_are_drawn(browser):
    assert count(browser) == "8 of 8 metamers, 5 of them accepted"
    script = "[...document.images].every((i) => i.complete && i.naturalWidth > 0)"
    assert wait_for(browser, script) and browser.execute_script("return document.images.length")
    assert browser.execute_script("return document.querySelectorAll('.curves svg').length") == 16
    card = browser.find_elements("css selector", ".card")[2]
    assert "✗ not accepted: correlation 0.200 is not above" in card.text
    assert "</script><b>" in card.text


def test_filters_choose_and_reset(browser):
    choose(browser, "network", "VGG-19 (small)")
    layers = browser.execute_script("return [...layer.options].map((o) => o.value)")
    assert layers == ["", *LAYERS] and count(browser).startswith("6 of 8")
    choose(browser, "layer", "fc8")
    assert count(browser) == "3 of 8 metamers, 2 of them accepted"
    choose(browser, "accepted", "no")
    assert count(browser) == "1 of 8 metamers, 0 of them accepted"
    choose(browser, "kind", "pets")
    assert "Nothing matches" in browser.find_element("id", "end").text
    browser.find_element("css selector", "button[type=reset]").click()
    wait_for(browser, "document.querySelectorAll('.card').length === 8")
    choose(browser, "run", "heard")
    assert count(browser).startswith("2 of 8")


def test_order_by_stimulus_puts_the_layers_of_one_together(browser):
    choose(browser, "order", "stimulus")
    headings = [x.text for x in browser.find_elements("css selector", "#cards h2")]
    assert headings[0] == "cat_1 pets" and len(headings) == 5
    titles = [x.text for x in browser.find_elements("css selector", ".card h3")]
    assert titles[:2] == [f"VGG-19 (small) {layer}" for layer in LAYERS]


def test_the_keyboard_alone_is_enough(browser):
    browser.execute_script("document.querySelector('button[type=reset]').focus()")
    press(browser, "TAB", "ARROW_RIGHT")
    place = "document.activeElement.dataset.place"
    assert browser.execute_script(f"return {place}") == "1"
    press(browser, "ARROW_DOWN")
    assert browser.execute_script(f"return {place}") == "4"  # the next layer's in its column
    press(browser, "ARROW_UP", "ENTER")
    title = browser.find_element("id", "detail-title")
    assert title.text == "dog_2 · VGG-19 (small) · conv1_2"
    press(browser, "ARROW_RIGHT")
    assert title.text.startswith("--script-_3 ")
    press(browser, "ESCAPE")
    assert not browser.find_element("id", "detail").is_displayed()
    assert browser.execute_script(f"return {place}") == "2"


def test_sounds_play(browser):
    choose(browser, "run", "heard")
    button = browser.find_element("css selector", ".plays button")
    started = time.monotonic()
    button.click()
    wait_for(browser, "!document.querySelector('.plays [aria-pressed=true]')")
    assert time.monotonic() - started > 0.4  # of .5 s: no error has stopped it
    browser.find_element("css selector", ".open").click()
    wait_for(browser, "document.querySelectorAll('audio')[1].duration === 0.5")
    press(browser, "m")
    wait_for(browser, "document.querySelectorAll('audio')[1].ended")
    assert browser.execute_script("return document.querySelector('audio').currentTime") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width_px", [1280, 390])
def test_everything_can_be_read(browser, width_px, scheme):
    resize(browser, width_px)
    in_colours(browser, scheme)
    browser.refresh()
    browser.execute_script("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    for place in (None, 2, 6):  # the page, then an image and a sound opened
        if place is not None:
            browser.execute_script(
                f"detail.close(); document.querySelector('[data-place=\"{place}\"]').click()"
            )
        assert browser.execute_script(LOW_CONTRAST) == []
        assert browser.execute_script(CUT_OFF) == []
    background = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(22, 22, 22)") == (scheme == "dark")


def test_a_thousand_stimuli_open_at_once(opened, tmp_path):
    folder = make_run(tmp_path, IMAGES, ["fc8"], [f"s{i}" for i in range(1000)])
    path = tmp_path / "gallery.html"
    assert write_gallery([folder], path) == 1000
    resize(opened, 1280)
    opened.get(path.as_uri())
    assert count(opened).startswith("1000 of 1000")
    drawn = "document.querySelectorAll('.card').length"
    few = opened.execute_script(f"return {drawn}")
    assert 24 <= few <= 120
    opened.execute_script("window.scrollTo(0, document.body.scrollHeight)")
    wait_for(opened, f"{drawn} > {few}")
    # The last one can be opened without scrolling there.
    choose(opened, "accepted", "no")
    assert opened.find_element("css selector", ".card h3").text.startswith("s999")


@pytest.mark.artefact
def test_the_committed_runs_can_be_shown(tmp_path):
    folder = RunFolder(PROJECT / "figures" / "figs9_cochleagram_metamers", create=False)
    shown = exhibits.exhibits_of(folder)
    kept = [path for path in folder.path.glob("previews/*/*/*") if path.parent.name != "natural"]
    assert len(shown) == len(kept) > 0
    medium = medium_of(shown[0].metamer)  # a cochleagram
    assert medium.size_px == (220, 110)


def test_classes_of_a_model_called_like_one_of_ours_are_not_ours():
    assert not class_names("vgg_19", {"vgg_19": own_identity("vgg_19")})
