"""The scripts of the human experiments: what they write, what they say, and mistakes."""

import json

import command_line
import numpy as np
import pandas as pd
import pytest
from human_runs import CATEGORIES, NETWORK, WORDS, layers_of, right_answers, write_run
from PIL import Image
from scipy.io import wavfile

from model_metamers.human import jspsych, noise
from model_metamers.human.design import read_design
from model_metamers.human.responses import text_of
from model_metamers.human.stimuli import read_pool, read_words
from model_metamers.human.trials import NATURAL, Condition
from model_metamers.plotting import style
from model_metamers.store import RunFolder
from model_metamers.store.records import PEOPLE


def make(tmp_path, *flags, name="experiment"):
    return command_line.run("human_experiment", f"--output_dir={tmp_path / name}", *flags)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Run folders of pictures and of sounds, and an experiment of each."""
    place = tmp_path_factory.mktemp("place")
    write_run(place / "pictures", [*CATEGORIES, *CATEGORIES])
    write_run(place / "sounds", WORDS, sounds=True)
    write_run(place / "rejected", CATEGORIES, rejected=("first", "last"))
    write_run(place / "unknown", ["zebra", *CATEGORIES])
    write_run(place / "two", ["dog", "cat"], layers=tuple("abcdefghijk"))
    for name in ("pictures", "sounds"):
        result = make(place, f"--run_dirs={place / name}", "--participants=4", name=f"of_{name}")
        assert result.returncode == 0, result.stderr
    return place


def test_the_design_says_what_the_stimuli_allow(place, tmp_path):
    result = make(tmp_path, f"--run_dirs={place / 'pictures'}", "--participants=2")
    assert (
        "3 conditions, 16 natural stimuli, 2 participants with 12 test, 2 catch" in result.stdout
    )
    assert "the stimuli allow 4 trials per condition, of 10" in result.stdout
    design = read_design(tmp_path / "experiment")
    assert [row["trials_per_participant"] for row in design.conditions] == [4, 4, 4]
    assert [row["trials"] for row in design.conditions] == [8, 8, 8]
    many = make(tmp_path, f"--run_dirs={place / 'two'}", "--participants=9", name="many")
    assert "too few stimuli for 10 trials per condition: everybody has some" in many.stdout
    assert "all trials need about 136 natural stimuli\n" in many.stdout  # 12 conditions
    assert "there are no catch trials" in many.stdout


def test_people_get_the_files_that_were_certified(place):
    design = read_design(place / "of_pictures")
    page = place / "of_pictures" / "page"
    run = RunFolder(place / "pictures")
    for step in design.participants[0][1:]:
        shown = np.asarray(Image.open(page / "stimuli" / step.stimulus)) / 255
        (preview,) = run.load_previews(NETWORK, step.layer, [step.source])
        np.testing.assert_allclose(shown, preview, atol=1e-6)
        assert step.source.startswith(f"{step.label}_")
    assert len(list((page / "masks").iterdir())) == 16


def test_scripts_come_from_the_network_with_their_hashes(place):
    html = (place / "of_sounds" / "page" / "index.html").read_text()
    for script in jspsych.SCRIPTS:
        source = f"https://unpkg.com/{script.package}@{script.version}/dist/index.browser.min.js"
        assert (
            f'<script src="{source}" integrity="sha384-{script.sha384}" crossorigin="anonymous">'
        ) in html
    assert not (place / "of_sounds" / "page" / "jspsych").exists()


def test_the_word_task_has_a_headphone_check_and_noise_to_set_the_level(place):
    design, page = read_design(place / "of_sounds"), place / "of_sounds" / "page"
    assert [s.phase for s in design.participants[0][:8]] == [
        "screen",
        *6 * ["headphones"],
        "practice",
    ]
    assert "three" in design.choices and len(design.choices) == 20
    _, level = wavfile.read(page / "stimuli" / "level.wav")
    assert (level / 2**15).std() == pytest.approx(0.1, rel=0.05)  # that of the stimuli
    for step in design.participants[0][1:7]:
        rate, tones = wavfile.read(page / "stimuli" / step.stimulus)
        parts = np.split(tones / 2**15, [round(rate * s) for s in (1, 1.5, 2.5, 3)])[::2]
        loudness = [part[:, 0].std() for part in parts]
        correlation = [np.corrcoef(part.T)[0, 1] for part in parts]
        assert np.argmin(loudness) + 1 == int(step.label)
        assert 20 * np.log10(min(loudness) / max(loudness)) == pytest.approx(-6, abs=0.01)
        assert sorted(np.round(correlation)) == [-1, 1, 1]
        assert np.round(correlation)[int(step.label) - 1] == 1  # the softest is in phase


def test_a_consent_text_is_a_title_and_paragraphs(place, tmp_path):
    (tmp_path / "consent.txt").write_text("A study\nof metamers,\nby us.\n\n\nYou & <b>I</b>\n")
    flags = [f"--run_dirs={place / 'pictures'}", f"--consent={tmp_path / 'consent.txt'}"]
    assert make(tmp_path, *flags).returncode == 0
    script = (tmp_path / "experiment" / "page" / "experiment.js").read_text()
    known = json.loads(script.removeprefix("const experiment = ").rstrip(";\n"))
    assert known["consent"] == ["A study", "of metamers, by us.", "You & <b>I</b>"]


def test_masks_have_full_contrast_and_a_spectrum_of_one_over_f():
    (mask,) = noise.masks(1, 256, seed=0)
    assert mask.min() == 0 and mask.max() == 255
    power = np.abs(np.fft.fft2(mask[..., 0])) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
    low, high = ((start < frequency) & (frequency < 2 * start) for start in (0.02, 0.2))
    # Ten times the frequency, a hundredth of the power.
    assert power[low].mean() / power[high].mean() == pytest.approx(100, rel=0.3)


def test_several_run_folders_make_one_experiment(tmp_path):
    for name, network in (("a", "vgg"), ("b", "resnet")):
        write_run(tmp_path / name, CATEGORIES, networks=(network,), rejected=("last",))
    folders = [RunFolder(tmp_path / name) for name in "ab"]
    available = read_pool(folders).available()
    assert list(available) == [NATURAL, Condition("vgg", "first"), Condition("resnet", "first")]
    assert {len(sources) for sources in available.values()} == {8}
    assert list(read_pool(folders, networks=["vgg"], layers=["first"]).available()) == [
        NATURAL, Condition("vgg", "first"),
    ]  # fmt: skip
    with pytest.raises(ValueError, match="both hold the metamer of"):
        read_pool([folders[0], folders[0]])


def test_other_stimuli_of_one_name_are_refused(tmp_path):
    for name, network in (("a", "vgg"), ("b", "resnet")):
        write_run(tmp_path / name, CATEGORIES, networks=(network,))
    folders = [RunFolder(tmp_path / name) for name in "ab"]

    def record(name, **config):
        record = {"config": {"layers": {}} | config, "checkpoint_sha256": {}}
        (tmp_path / name / "run.json").write_text(json.dumps(record))

    record("a", stimulus_sha256={"dog_1": "0"})
    record("b", stimulus_sha256={"dog_1": "0", "cat_1": "1"})
    read_pool(folders)
    record("b", stimulus_sha256={"dog_1": "1"})
    with pytest.raises(ValueError, match=r"dog_1 of .*a and of .*b are different stimuli"):
        read_pool(folders)
    record("b", stimulus_labels=None)
    with pytest.raises(ValueError, match=r"run\.json has stimulus_labels = None"):
        read_pool(folders)


def test_words_of_a_file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("don't\nthree\n\nthree-piece\n", "utf-8-sig")  # as Notepad saves it
    write_run(tmp_path / "run", ["three", "don_t", "three-piece"] * 3, sounds=True)
    words = read_words(path)
    pool = read_pool([RunFolder(tmp_path / "run")], words=words)
    assert pool.labels["don_t_1"] == "don't" and pool.labels["three-piece_2"] == "three-piece"
    for text, message in (
        ("", "an empty file"),
        ("a\na", "'a' twice"),
        ("Polish\nb\npolish", "'polish'"),
        ("a,b", "'a,b'"),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            read_words(path)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "--run_dirs is needed"),
        (["--run_dirs={place}/nowhere"], "there is no run folder"),
        (["--run_dirs={place}/rejected"], "none of the 16 metamers that were asked for"),
        (["--run_dirs={place}/two", "--participants=2"], "2 natural stimuli are too few for 12"),
        (["--run_dirs={place}/pictures,{place}/sounds"], "got both"),
        (["--run_dirs={place}/unknown"], "the stimulus zebra_0 is of none of the 16"),
        (["--run_dirs={place}/pictures", "--networks=alexnet"], "--networks=alexnet; there are"),
        (
            ["--run_dirs={place}/pictures", "--layers=fc9"],
            "--layers=fc9; there are those of: first",
        ),
        (
            ["--run_dirs={place}/sounds", "--words={place}/words"],
            "begins with none of the 1 words",
        ),
        (["--run_dirs={place}/pictures", "--consent={place}/nothing"], "is no file"),
        (["--run_dirs={place}/pictures", "--consent={place}/blank"], "is empty"),
        (["--run_dirs={place}/pictures", "--jspsych_dir={place}"], "npm install jspsych@8.2.3"),
        (["--run_dirs={place}/pictures", "--degrees=90"], "degrees"),
        (["--run_dirs={place}/pictures", "--degrees=nan"], "--degrees=nan must be a finite"),
        (["--run_dirs={place}/pictures", "--post_to=hello world"], "--post_to=hello world is no"),
        (["--run_dirs={place}/pictures", "--post_to="], "is no address"),
    ],
)
def test_mistakes_of_an_experiment(place, tmp_path, flags, message):
    (place / "words").write_text("banana\n")
    (place / "blank").write_text("\n")
    result = make(tmp_path, *[flag.format(place=place) for flag in flags])
    assert message in command_line.error_of(result)
    assert list(tmp_path.iterdir()) == []


def test_an_experiment_that_has_begun_is_not_made_anew(place, tmp_path):
    flag = f"--run_dirs={place / 'pictures'}"
    assert make(tmp_path, flag).returncode == 0
    assert make(tmp_path, flag, "--seed=1").returncode == 0  # nobody has taken part
    (tmp_path / "experiment" / "responses").mkdir()
    (tmp_path / "experiment" / "responses" / "participant_001.csv").write_text("")
    assert "people have taken part" in command_line.error_of(make(tmp_path, flag))
    (tmp_path / "mine" / "page").mkdir(parents=True)
    (tmp_path / "mine" / "design.json").write_text('{"my": "own"}')
    (tmp_path / "mine" / "page" / "thesis.txt").write_text("mine")
    assert "something else's page" in command_line.error_of(make(tmp_path, flag, name="mine"))


def analyse(folder, *flags):
    return command_line.run("human_analysis", f"--experiment_dir={folder}", *flags)


def test_answers_become_rows_of_the_run(place, tmp_path):
    folder = place / "of_pictures"
    design = read_design(folder)
    for participant in (1, 2, 4):
        text = text_of(right_answers(design, participant), design.experiment)
        (tmp_path / f"{participant}.csv").write_text(text)
    write_run(tmp_path / "copy", [*CATEGORIES, *CATEGORIES])
    run = f"--run_dirs={tmp_path / 'copy'}"
    assert analyse(folder, "--simulate=2", run, f"--output_dir={tmp_path / 'x'}").returncode == 0
    result = analyse(
        folder, f"--responses_dir={tmp_path}", f"--output_dir={tmp_path / 'out'}", run
    )
    assert result.returncode == 0, result.stderr
    table = RunFolder(tmp_path / "copy").read_table("recognition")
    rows = table[table.observer == "human (yours)"]
    assert rows.layer.tolist() == ["natural", *layers_of(design)[NETWORK]]
    assert rows.n.tolist() == [12, 12, 12] and (rows.proportion_correct == 1).all()
    assert len(table) == 6  # the network's own answers stay, those of simulated people do not
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"trials.csv", "participants.csv", "human_recognition.csv", "effects.csv"}
    trials = pd.read_csv(tmp_path / "out" / "trials.csv")
    assert trials.correct.all() and set(trials.participant) == {1, 2, 4}


def test_simulated_participants_are_called_so(place):
    result = analyse(place / "of_sounds", "--simulate=4")
    assert result.returncode == 0, result.stderr
    table = RunFolder(place / "sounds").read_table("recognition")
    assert {"human (simulated)", NETWORK} == set(table.observer)
    again = analyse(place / "of_sounds", "--simulate=4", "--noadd_to_runs")
    assert "added" in result.stdout and "added" not in again.stdout
    assert not (place / "of_sounds" / "analysis").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "there are no response files (*.csv) in"),
        (["--responses_dir={place}/of_another"], "it is of another experiment"),
        (["--responses_dir={place}/edited"], "row 3 was changed after it was written"),
        (["--simulate=5"], "more than the 4 participants"),
        (["--simulate=2", "--run_dirs={place}/unknown_run"], "there is no run folder"),
        (["--responses_dir={place}/careless"], "no participant is left"),
        (["--experiment_dir={place}/pictures"], "design.json"),
    ],
)
def test_mistakes_of_an_analysis(place, flags, message):
    design, other = (read_design(place / f"of_{kind}") for kind in ("pictures", "sounds"))
    right = right_answers(design, 1)
    wrong = [r if i == 0 else type(r)(**{**vars(r), "response": ""}) for i, r in enumerate(right)]
    lines = text_of(right, design.experiment).splitlines(keepends=True)
    lines[3] = lines[3].replace("practice", "test") if "practice" in lines[3] else "," + lines[3]
    for name, text in {
        "of_another": text_of(right_answers(other, 1), other.experiment),
        "edited": "".join(lines),
        "careless": text_of(wrong, design.experiment),
    }.items():
        (place / name).mkdir(exist_ok=True)
        (place / name / "answers.csv").write_text(text)
    (place / "of_pictures" / "responses").mkdir(exist_ok=True)
    result = analyse(place / "of_pictures", *[flag.format(place=place) for flag in flags])
    assert message in command_line.error_of(result)
    assert not (place / "of_pictures" / "analysis").exists()


@pytest.mark.parametrize("change", [{"seed": 1}, None])
def test_a_design_that_was_changed_is_told(place, tmp_path, change):
    record = json.loads((place / "of_pictures" / "design.json").read_text())
    text = json.dumps(record | {"settings": change}) if change else "{"
    (tmp_path / "design.json").write_text(text)
    message = command_line.error_of(analyse(tmp_path, "--simulate=1"))
    assert ("was changed" if change else "is no design") in message


def test_plotting_knows_the_observers_that_are_people():
    assert tuple(style.PEOPLE) == PEOPLE


def test_words_that_look_alike_in_names_of_files_are_refused(tmp_path):
    write_run(tmp_path / "run", ["___"] * 3, sounds=True)
    with pytest.raises(ValueError, match="look alike in names of files"):
        read_pool([RunFolder(tmp_path / "run")], words=("кот", "дом"))


def test_participants_hear_the_headphone_checks_in_orders_of_their_own(place):
    design = read_design(place / "of_sounds")
    orders = [
        tuple(step.label for step in steps if step.phase == "headphones")
        for steps in design.participants
    ]
    assert len(set(orders)) > 1 and all(sorted(order) == list("112233") for order in orders)


def test_folders_may_share_a_network_and_each_gets_the_scores_of_its_layers(tmp_path):
    """Of some 32 natural stimuli; which layer is the deeper one, the folders' order tells."""
    names = {"a": ("early", "middle"), "b": ("late",)}
    for name, layers in names.items():
        write_run(tmp_path / name, [*CATEGORIES, *CATEGORIES], layers=layers)
    folders = ",".join(str(tmp_path / name) for name in names)
    made = make(tmp_path, f"--run_dirs={folders}", "--participants=3")
    assert made.returncode == 0, made.stderr
    analysed = command_line.run(
        "human_analysis", f"--experiment_dir={tmp_path / 'experiment'}", "--simulate=3"
    )
    assert analysed.returncode == 0, analysed.stderr
    table = pd.read_csv(
        tmp_path / "experiment" / "analysis_simulated" / "human_recognition.csv",
        keep_default_na=False,
    )
    assert list(table.layer) == ["natural", "early", "middle", "late"]
    for name, layers in names.items():
        own = RunFolder(tmp_path / name).read_table("recognition")
        assert set(own[own.observer.isin(PEOPLE)].layer) == {"natural", *layers}
    alone = command_line.run(
        "human_analysis", f"--experiment_dir={tmp_path / 'experiment'}", "--simulate=3",
        f"--run_dirs={tmp_path / 'a'}",
    )  # fmt: skip
    assert "the run folders do not hold net late" in command_line.error_of(alone).replace(
        NETWORK, "net"
    )


def test_the_design_that_another_replaces_is_kept(place, tmp_path):
    flags = (f"--run_dirs={place / 'pictures'}", "--participants=2")
    make(tmp_path, *flags)
    first = read_design(tmp_path / "experiment")
    again = make(tmp_path, *flags)
    assert "earlier" not in again.stdout
    other = make(tmp_path, *flags, "--seed=1")
    kept = tmp_path / "experiment" / f"earlier_{first.experiment}"
    assert str(kept) in other.stdout and read_design(kept) == first
    assert read_design(tmp_path / "experiment") != first


def test_a_recorded_folder_goes_before_what_an_id_begins_with(tmp_path):
    run = write_run(tmp_path / "run", ["car_wheel", *CATEGORIES])
    assert read_pool([run]).labels["car_wheel_0"] == "car"
    labels = {"car_wheel_0": "car_wheel"}
    record = {"config": {"stimulus_labels": labels}, "checkpoint_sha256": {}}
    (run.path / "run.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match="car_wheel_0 is of none of the 16 categories"):
        read_pool([run])


def test_a_second_experiment_leaves_the_scores_of_the_firsts_layers(tmp_path):
    run = write_run(tmp_path / "run", [*CATEGORIES, *CATEGORIES])
    scores = pd.DataFrame(
        [("human (yours)", NETWORK, layer, "16-way", 9, 0.5, 0.1, "measured")
         for layer in ("natural", "first")],
        columns=run.read_table("recognition").columns,
    )  # fmt: skip
    run.merge_rows("recognition", scores, ["observer", "generator", "layer", "task"])
    make(tmp_path, f"--run_dirs={tmp_path / 'run'}", "--layers=last", "--participants=2")
    design = read_design(tmp_path / "experiment")
    for number in (1, 2):
        path = tmp_path / "experiment" / "responses" / f"participant_{number}.csv"
        path.parent.mkdir(exist_ok=True)
        text = text_of(right_answers(design, number), design.experiment)
        path.write_text("\ufeff" + text, "utf-8")  # as spreadsheets save it
    analysed = command_line.run("human_analysis", f"--experiment_dir={tmp_path / 'experiment'}")
    assert analysed.returncode == 0, analysed.stderr
    table = run.read_table("recognition").query("observer == 'human (yours)'")
    assert dict(zip(table.layer, table.proportion_correct, strict=True)) == {
        "natural": 1.0, "first": 0.5, "last": 1.0,
    }  # fmt: skip
