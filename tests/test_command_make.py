"""`model_metamers make`: files in; metamers, tables and a resumable run folder out."""

import json

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.io import wavfile

import model_metamers as mm
from model_metamers.__main__ import main
from model_metamers.commands import inputs
from model_metamers.commands.arguments import parser
from model_metamers.stimuli.images import load_image
from model_metamers.store import NATURAL, RunFolder

RATE_HZ, N_SAMPLES = 8000, 2000


def image_network(size_px, n_filters, n_outputs, output):
    return keras.Sequential(
        [
            keras.Input((size_px, size_px, 3)),
            keras.layers.Conv2D(n_filters, 3, activation="relu", name="first"),
            keras.layers.Flatten(),
            keras.layers.Dense(n_outputs, name=output),
        ]
    )


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder with a model of images, one of sounds, and files for both."""
    place = tmp_path_factory.mktemp("make")
    keras.utils.set_random_seed(0)
    image_network(12, 6, 4, "classes").save(place / "of images.keras")
    layers = [
        keras.Input((N_SAMPLES,)),
        keras.layers.Reshape((N_SAMPLES, 1)),
        keras.layers.Conv1D(8, 32, strides=16, activation="relu", name="first"),
        keras.layers.GlobalAveragePooling1D(),
        keras.layers.Dense(4, name="classes"),
    ]
    keras.Sequential(layers).save(place / "of_sounds.keras")
    layers = [
        keras.Input((5, 7, 3)),
        keras.layers.Flatten(),
        keras.layers.Dense(3, name="classes"),
    ]
    keras.Sequential(layers).save(place / "oblong.keras")
    image_network(5, 4, 1, "likeness").save(place / "tiny.keras")
    random = np.random.default_rng(0)
    for name in ("photo", "birds/one", "birds/two"):
        (place / "birds").mkdir(exist_ok=True)
        pixels = random.integers(0, 255, (20, 16, 3), np.uint8)
        Image.fromarray(pixels).resize((40, 30)).save(place / f"{name}.png")
    wavfile.write(place / "yes.wav", RATE_HZ, random.normal(0, 0.1, 3000).astype(np.float32))
    return place


@pytest.fixture
def make(workplace, tmp_path, monkeypatch, capfd):
    """Return a function that runs `make`, and returns (status, what it printed, run folder)."""
    monkeypatch.chdir(workplace)

    def run(*arguments, folder="run", few=("--iterations", "50", "--num_null_stimuli", "4")):
        try:
            status = main(["make", *few, "--output_dir", str(tmp_path / folder), *arguments])
        except SystemExit as end:
            status = end.code
        return status, capfd.readouterr(), tmp_path / folder

    return run


OF_IMAGES = ("--keras_model", "of images.keras", "--layer", "first,classes")


def test_images_and_folders_become_metamers(make, workplace, caplog):
    status, printed, path = make(*OF_IMAGES, "--input", "photo.png", "birds")
    assert status == 0, printed.err
    assert "the 3 given and 1 renders of ours" in caplog.text
    run = RunFolder(path, create=False)
    matches, name = run.read_table("matches"), "of_images"
    assert set(matches.network) == {name}
    ids = ["photo", "one", "two"]
    assert sorted(zip(matches.layer, matches.stimulus_id, strict=True)) == sorted(
        (layer, stimulus) for layer in ("first", "classes") for stimulus in ids
    )
    assert (matches.loss_last < matches.loss_first / 4).all()
    seen = run.load_previews(name, NATURAL, ["photo"])[0]
    np.testing.assert_allclose(seen, load_image(workplace / "photo.png", 12), atol=1 / 255)
    assert not np.allclose(seen, run.load_previews(name, "first", ["photo"])[0], atol=0.1)
    assert "of_images" in (path / "gallery.html").read_text()
    record = json.loads((path / "run.json").read_text())
    assert record["config"]["synthesis"]["solver"] == "lbfgs"
    assert len(record["checkpoint_sha256"][name]) == 64
    certificate = json.loads((path / "certificate.json").read_text())
    assert certificate["n_reproduced"] == certificate["n"] == 6
    assert certificate["n_certified"] == matches.accepted.sum()
    assert {"gallery.html", "matches.csv", "run.json"} <= set(certificate["files"])


def test_files_of_something_else_are_left_alone(make, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "gallery.html").write_text("my own")
    status, printed, path = make(*OF_IMAGES, "--input", "photo.png", folder="mine")
    assert status == 2 and "mine has a gallery.html of something else" in printed.err
    assert [file.read_text() for file in path.iterdir()] == ["my own"]


@pytest.mark.parametrize("flag", ["--input", "--output_dir", "--keras_model"])
def test_an_empty_path_is_refused(make, flag, workplace):
    before = sorted(workplace.iterdir())
    status, printed, _ = make(*OF_IMAGES, "--input", "photo.png", flag, "")
    assert status == 2 and f"argument {flag}: is empty" in printed.err
    assert sorted(workplace.iterdir()) == before


def test_layers_of_sub_models_have_files_of_their_own(make, workplace):
    image = keras.Input((12, 12, 3))
    inner = keras.Sequential(
        [keras.Input((12, 12, 3)), keras.layers.Conv2D(4, 3, activation="relu", name="c")],
        name="inner",
    )
    keras.Model(image, keras.layers.Flatten()(inner(image))).save(workplace / "outer.keras")
    flags = ("--keras_model", "outer.keras", "--layer", "inner/c", "--input", "photo.png")
    status, printed, path = make(*flags)
    assert status == 0, printed.err
    run = RunFolder(path, create=False)
    assert set(run.read_table("matches").layer) == {"inner/c"}
    assert (path / "previews" / "outer" / "inner+c" / "photo.png").exists()
    assert run.load_piece("outer", "inner/c")["metamer"].shape == (1, 12, 12, 3)
    assert "inner/c" in (path / "gallery.html").read_text()


@pytest.mark.parametrize("ends", [("0", "inf"), ("-inf", "inf"), ("-1e400", "0")])
def test_images_need_a_range_with_two_ends(make, ends):
    arguments = (*OF_IMAGES, "--input", "photo.png", "--stimulus_range", *ends)
    status, printed, path = make(*arguments)
    assert status == 2 and "a --stimulus_range with two ends" in printed.err and not path.exists()


def test_curves_end_where_the_metamers_are(make):
    _, _, path = make(*OF_IMAGES, "--input", "photo.png", "--solver", "adam")
    run = RunFolder(path, create=False)
    curves, matches = run.read_table("curves"), run.read_table("matches").set_index("layer")
    for layer, curve in curves.groupby("layer"):
        assert curve.evaluations.tolist() == [0, 25, 50]
        assert np.isnan(curve.spearman.iloc[0]) and not curve.spearman.iloc[1:].isna().any()
        assert curve.loss.iloc[-1] == pytest.approx(matches.loss_last[layer])
        # The curve is of the metamer as it is, the table of the one with 8 bits.
        assert curve.spearman.iloc[-1] == pytest.approx(matches.spearman_layer[layer], abs=0.02)


def test_an_interrupted_run_continues_to_the_same_end(make, monkeypatch):
    arguments = (*OF_IMAGES, "--input", "photo.png", "birds", "--solver", "adam")
    _, _, whole = make(*arguments, folder="whole")
    save, calls = RunFolder.save_state, []

    def interrupted(self, *state):
        save(self, *state)
        calls.append(state)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "save_state", interrupted)
    status, printed, path = make(*arguments)
    assert status == 130
    assert printed.err.splitlines()[-1] == (
        "interrupted; the same command continues where it stopped"
    )
    assert (path / "metamers/of_images/classes.state.npz").exists()
    assert make(*arguments)[0] == 0
    for name in ("matches", "curves"):
        a, b = (RunFolder(p, create=False).read_table(name) for p in (whole, path))
        pd.testing.assert_frame_equal(a, b)
    assert make(*arguments)[0] == 0 and len(calls) == 4  # a finished run makes nothing


def test_sounds_are_cut_and_played_back(make, caplog):
    status, printed, path = make(
        "--keras_model", "of_sounds.keras", "--layer", "first", "--input", "yes.wav",
        "--sample_rate_hz", str(RATE_HZ),
    )  # fmt: skip
    assert status == 0, printed.err
    assert "the 1 given and 3 spoken words of ours" in caplog.text
    for layer in (NATURAL, "first"):
        rate, samples = wavfile.read(path / "previews" / "of_sounds" / layer / "yes.wav")
        assert rate == RATE_HZ and len(samples) == N_SAMPLES


def test_without_a_null_nothing_is_accepted_and_it_is_said(make, caplog):
    status, _, path = make(*OF_IMAGES, "--input", "photo.png", "--num_null_stimuli", "0")
    assert status == 0
    assert "not tested against a null distribution, and none is accepted" in caplog.text
    run = RunFolder(path, create=False)
    assert not run.read_table("matches").accepted.any()
    assert set(run.read_table("exclusions").reason) == {"no_null_distribution"}


def test_tiny_images_have_no_null_of_ours_and_one_output_no_classes(make, caplog):
    flags = ("--keras_model", "tiny.keras", "--layer", "first", "--input", "photo.png")
    status, printed, path = make(*flags)
    assert status == 0, printed.err
    assert "there are 1 natural stimuli, fewer than 16" in caplog.text
    assert "tiny has one output, which names no class" in caplog.text
    matches = RunFolder(path, create=False).read_table("matches")
    assert matches.spearman_layer.item() > 0.9 and np.isnan(matches.spearman_logits.item())


def test_photographs_fill_another_range_and_grey():
    class Network:
        stimulus_shape, stimulus_range = (12, 12, 1), (-1.0, 3.0)

    pixels = np.zeros((1, 12, 12, 3), np.float32)
    pixels[0, 0, 0], pixels[0, 0, 1] = 1, (0, 1, 0)
    grey = inputs._as_taken(pixels, Network)
    assert grey.shape == (1, 12, 12, 1)
    np.testing.assert_allclose(grey[0, 0, :3, 0], [3, -1 + 4 * 0.587, -1], atol=1e-6)


def test_stimuli_of_several_folders_are_told_apart_by_them(workplace):
    (workplace / "cats").mkdir()
    Image.new("RGB", (20, 20)).save(workplace / "cats" / "one.png")
    found = inputs.find([workplace / "birds", workplace / "cats"], takes_sounds=False)
    assert [label for label, _ in found] == ["birds", "birds", "cats"]
    alone = inputs.find([workplace / "birds"], takes_sounds=False)
    assert [label for label, _ in alone] == ["", ""]


def test_enough_stimuli_of_ones_own_make_the_null(small_model, images):
    network = mm.Network.from_keras(small_model, metamer_layers=["fused"])
    many = np.concatenate([images * factor for factor in (1, 0.8, 0.6, 0.4)])
    stimuli = inputs.StimulusSet(many, tuple(map(str, range(16))), ("",) * 16)
    null = inputs.null_stimuli(stimuli, network, 16)
    assert null.told == "16 of those given" and null.stimuli.ids == stimuli.ids
    assert len(set(null.groups)) == 16  # without labels each is a group of its own


MISTAKES = [
    (("--input", "photo.png"), "one of the arguments --network --keras_model is required"),
    (("--network", "vgg_20", "--layer", "x", "--input", "photo.png"), "unknown network 'vgg_20'"),
    (("--network", "vgg_19_small", "--keras_model", "x", "--input", "photo.png"), "not allowed"),
    (("--network", "vgg_19_small", "--layer", "fc8"), "arguments are required: --input"),
    ((*OF_IMAGES, "--input", "nowhere.png"), "nowhere.png is not there"),
    ((*OF_IMAGES, "--input", "yes.wav"), "--input yes.wav is no image, which the network takes"),
    ((*OF_IMAGES[:2], "--input", "photo.png"), "give --layer, one or more of those of of_images"),
    ((*OF_IMAGES[:2], "--layer", "last", "--input", "photo.png"), "has no layer 'last'"),
    (("--keras_model", "photo.png", "--layer", "a", "--input", "photo.png"), "does not end in"),
    (("--keras_model", "no.keras", "--layer", "a", "--input", "photo.png"), "no.keras is not the"),
    (("--keras_model", "of_sounds.keras", "--layer", "first", "--input", "yes.wav"),
     "if they are sounds, give --sample_rate_hz"),
    (("--keras_model", "of_sounds.keras", "--layer", "first", "--input", "yes.wav",
      "--sample_rate_hz", "8000", "--stimulus_range", "-32768.", "32767"),
     "sounds are read, and written, between -1 and 1; of_sounds has"),
    (("--keras_model", "oblong.keras", "--layer", "classes", "--input", "photo.png"),
     "make knows square images"),
    (("--keras_model", "tiny.keras", "--layer", "first,likeness", "--input", "photo.png"),
     "likeness of tiny responds with one number, which has no rank"),
    (("--network", "vgg_19_small", "--layer", "fc8", "--input", "photo.png",
      "--stimulus_range", "0", "1"), "--stimulus_range is for --keras_model"),
    ((*OF_IMAGES, "--input", "photo.png", "--stimulus_range", "1", "0"), "stimulus_range must be"),
    ((*OF_IMAGES, "--input", "photo.png", "--iterations", "0"), "'0' is no whole number from 1"),
    ((*OF_IMAGES, "--input", "photo.png", "--solver", "adam", "--learning_rate", "-1"),
     "learning_rate must be"),
    ((*OF_IMAGES, "--input", "photo.png", "--learning_rate", "1"), "--learning_rate is for --"),
    ((*OF_IMAGES, "--input", "photo.png", "--solver", "newton"), "invalid choice: 'newton'"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_a_mistake_is_one_line_and_status_2(arguments, message, make):
    status, printed, path = make(*arguments)
    assert status == 2 and printed.out == ""
    (line,) = [x for x in printed.err.splitlines() if "layers of" not in x]
    assert line.startswith("error: ") and message in line
    assert not path.exists()


def test_the_help_is_enough(capsys):
    with pytest.raises(SystemExit) as end:
        main(["make", "--help"])
    assert end.value.code == 0
    told = capsys.readouterr().out
    (commands,) = (action for action in parser()._actions if action.choices)
    actions = commands.choices["make"]._actions
    options = {option for action in actions for option in action.option_strings}
    assert "--keras_model" in options and all(option in told for option in options)
    for words in ("photo.jpg", "gallery.html", "continues a run that was interrupted"):
        assert words in told


def test_sounds_of_another_rate_are_another_run(make):
    flags = ("--keras_model", "of_sounds.keras", "--layer", "first", "--input", "yes.wav")
    assert make(*flags, "--sample_rate_hz", "8000")[0] == 0
    status, printed, _ = make(*flags, "--sample_rate_hz", "16000")
    assert status == 2
    assert "holds a run with sample_rate_hz = 8000, and this run has 16000" in printed.err


def test_a_table_that_the_files_contradict_is_told(make):
    status, _, path = make(*OF_IMAGES, "--input", "photo.png")
    assert status == 0
    run = RunFolder(path)
    run.write_table("matches", run.read_table("matches").assign(spearman_layer=0.123))
    status, printed, _ = make(*OF_IMAGES, "--input", "photo.png")
    assert status == 2 and "does not say what its files show of 2 of 2 metamers" in printed.err


@pytest.mark.parametrize("damage", ["missing", "another's"])
def test_a_null_that_is_lost_is_made_again(damage, make, caplog):
    flags = ("--network", "vgg_19_small", "--layer", "fc8", "--input", "photo.png")
    few = ("--iterations", "2", "--num_null_stimuli", "6")
    _, _, path = make(*few, *flags)
    null, table = path / "nulls/vgg_19_small/fc8.npz", path / "nulls.csv"
    kept = table.read_bytes()
    table.unlink()
    if damage == "missing":
        null.unlink()
    else:
        np.savez(null, lowest=np.zeros(3))
    assert make(*few, *flags)[0] == 0
    assert table.read_bytes() == kept
    assert ("is another's (there is no array 'histogram')" in caplog.text) == (damage != "missing")


def test_a_folder_of_another_run_is_refused(make):
    assert make(*OF_IMAGES, "--input", "photo.png")[0] == 0
    for other in (("--seed", "1"), ("--iterations", "51")):
        status, printed, _ = make(*OF_IMAGES, "--input", "photo.png", *other)
        assert status == 2 and "holds a run with" in printed.err.splitlines()[-1]


def test_flags_that_are_given_twice_add_up():
    arguments = parser().parse_args(
        ["make", "--network", "vgg_19_small", "--layer", "fc8", "--layer", "fc7", "fc6",
         "--input", "a.png", "--input", "b.png"]
    )  # fmt: skip
    assert arguments.layer == ["fc8", "fc7", "fc6"]
    assert [path.name for path in arguments.input] == ["a.png", "b.png"]


def test_a_stimulus_that_the_model_answers_with_nan_is_named_before_anything_is_made(
    make, workplace
):
    """Divided by its brightest pixel, a black picture is 0 / 0."""
    stimulus = keras.Input((12, 12, 3))
    scaled = stimulus / keras.ops.max(stimulus, axis=(1, 2, 3), keepdims=True)
    first = keras.layers.Conv2D(4, 3, activation="relu", name="first")(scaled)
    classes = keras.layers.Dense(3, name="classes")(keras.layers.Flatten()(first))
    keras.Model(stimulus, classes).save(workplace / "scaled.keras")
    (workplace / "dark").mkdir(exist_ok=True)
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(workplace / "dark" / "black.png")
    flags = ("--keras_model", "scaled.keras", "--layer", "first", "--input", "photo.png")
    status, printed, path = make(*flags, "dark")
    assert status == 2 and "scaled responds to black with NaN or Inf at first" in printed.err
    assert not path.exists()
    assert make(*flags)[0] == 0


def test_changed_stimuli_are_named_and_made_again_only_when_they_are_deleted(make):
    flags = (*OF_IMAGES, "--input", "photo.png", "birds")
    assert make(*flags)[0] == 0
    _, _, path = make(*flags)
    one, two = (path / f"previews/of_images/first/{name}.png" for name in ("one", "two"))
    kept, certificate = one.read_bytes(), (path / "certificate.json").read_bytes()
    one.write_bytes(two.read_bytes())
    status, printed, _ = make(*flags)
    assert status == 2
    assert "previews/of_images/first/one.png changed; put the files back, or" in printed.err
    assert (path / "certificate.json").read_bytes() == certificate
    one.unlink()
    assert make(*flags)[0] == 0 and one.read_bytes() == kept


def test_why_a_metamer_does_not_count_is_printed(make):
    few = ("--iterations", "1", "--num_null_stimuli", "4")
    status, printed, path = make(*OF_IMAGES, "--input", "photo.png", few=few)
    assert status == 0
    reasons = pd.read_csv(path / "exclusions.csv").reason
    assert len(reasons) and all(reason in printed.out for reason in reasons)


def test_a_layer_is_finished_though_another_of_the_run_is_not(make, monkeypatch, caplog):
    flags = ("--keras_model", "of images.keras", "--input", "photo.png")

    def interrupted(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("model_metamers.pipeline.make.synthesize", interrupted)
        assert make(*flags, "--layer", "classes")[0] == 130
    status, printed, path = make(*flags, "--layer", "first")
    assert status == 0, printed.err
    assert "no certificate.json yet: of_images classes to be made" in caplog.text
    assert not (path / "certificate.json").exists()
    assert make(*flags, "--layer", "classes")[0] == 0
    assert (path / "certificate.json").exists()


def test_a_layer_made_anew_has_rows_of_its_own(make):
    """What matches.csv says of metamers that somebody deleted does not stay."""
    flags = (*OF_IMAGES, "--input", "photo.png", "birds")
    _, _, path = make(*flags)
    table = path / "matches.csv"
    right = table.read_bytes()
    run = RunFolder(path)
    matches = run.read_table("matches")
    is_first = matches.layer == "first"
    run.write_table("matches", matches.assign(spearman_layer=matches.spearman_layer - is_first))
    (path / "metamers/of_images/first.npz").unlink()
    for preview in (path / "previews/of_images/first").iterdir():
        preview.unlink()
    (path / "certificate.json").unlink()
    assert make(*flags)[0] == 0 and table.read_bytes() == right
