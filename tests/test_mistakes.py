"""Mistakes of users, a hundred and more: one line that names it and helps, and nothing written.

The scripts run inside this process: most refuse before they load anything.
"""

import copy
import json
import logging
import runpy
import shutil
import sys

import numpy as np
import pytest
from absl import flags
from absl import logging as absl_logging
from command_line import EXPERIMENTS, PROJECT

import model_metamers as mm

FIGURES = PROJECT / "figures"
FIGURE_SCRIPTS = (
    "fig1_method", "fig2_validation", "fig3_audio", "fig3_visual", "fig4_audio",
    "fig5_visual_transfer", "fig6_audio_transfer", "figs1_s8_layer_grids",
    "figs9_cochleagram_metamers",
)  # fmt: skip
SECOND_FOLDER = ("fig3_audio", "fig5_visual_transfer")  # that read --run_dir
TASK = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 0}}


def run_json(**changes):
    config = {"preset": "small", "num_stimuli": 3, "num_null_stimuli": 9, "seed": 0, "layers": {}}
    config |= {"synthesis": {"iterations": 7}, "stimuli_dir": None}
    return {"config": config | changes, "seed": 0, "checkpoint_sha256": {}}


WAY = {"batch_size": 2, "replicas": 1, "threads": 1, "onednn": True}
RUNS = {
    "list": [1, 2],
    "lacking": {"seed": 0},
    "misspelt": {"confg": {}, "seed": 0, "checkpoint_sha256": {}},
    "of_text": {"config": "small", "seed": 0, "checkpoint_sha256": {}},
    "odd_preset": run_json(preset="huge"),
    "odd_count": run_json(num_stimuli="many"),
    "odd_synthesis": run_json(synthesis=[300]),
    "sound": run_json(),
    "of_commands": run_json(preset="commands", layers={"ds_cnn_l": ["mfcc"]}),
    "of_sounds": run_json(layers={"word_aliased_small": ["conv_4"]}),
    "of_cochleagrams": run_json(layers={"word_aliased_small.above_cochleagram": ["conv_4"]}),
    "made": run_json(layers={"vgg_19_small": ["fc7", "fc8"]}, made_with=[WAY]),
    "made_twice": run_json(made_with=[WAY, WAY | {"batch_size": 4}]),
    "odd_way": run_json(made_with=[WAY | {"threads": 0}]),
    "odd_layers": run_json(layers=["fc8"]),
    "null": {"config": {"pairs": "all"}, "seed": 0, "checkpoint_sha256": {}},
}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """Folders and files to be mistaken about; the scripts' working folder."""
    place = tmp_path_factory.mktemp("workplace")
    (place / "file").write_text("in the way")
    (place / "empty").mkdir()
    for name, record in RUNS.items():
        (place / name).mkdir()
        (place / name / "run.json").write_text(json.dumps(record))
    for name, text in {
        "certified": '{"files": {"matches.csv": "ab"}}',
        "odd_certificate": "[",
    }.items():
        (place / name).mkdir()
        (place / name / "certificate.json").write_text(text)
    for name, text in {"blank": "", "no_json": "{", "binary": "\0\1"}.items():
        (place / name).mkdir()
        (place / name / "run.json").write_text(text)
    (place / "orphan" / "metamers" / "vgg_19_small").mkdir(parents=True)
    (place / "orphan" / "metamers" / "vgg_19_small" / "fc8.npz").write_bytes(b"metamers")
    (place / "mine").mkdir()
    (place / "mine" / "notes.txt").write_text("not a clip")
    return place


@pytest.fixture
def refusal(workplace, monkeypatch, capfd):
    """Return a function that runs a script and returns what it says before it ends with 2."""
    handler, own = absl_logging.get_absl_handler(), flags.FLAGS.__dict__
    before = {name: copy.copy(value) for name, value in own.items()}
    filters, verbosity, level = (
        handler.filters[:],
        absl_logging.get_verbosity(),
        logging.root.level,
    )

    def run(script, *arguments):
        monkeypatch.chdir(workplace)
        monkeypatch.setattr(sys, "argv", [f"{script}.py", *arguments])
        files = snapshot(workplace)
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(EXPERIMENTS / f"{script}.py"), run_name="__main__")
        error = capfd.readouterr().err
        assert end.value.code == 2, error
        assert snapshot(workplace) == files
        (line,) = error.splitlines()
        assert line.startswith("error: ")
        return line

    yield run
    own.clear()
    own.update(before)
    handler.filters[:] = filters
    absl_logging.set_verbosity(verbosity)
    logging.root.setLevel(level)


def snapshot(place):
    return {path: path.stat().st_size for path in place.rglob("*")}


LONG = "x" * 300
OF_ALL_FIGURES = [
    (["--output_dir="], "--output_dir is empty"),
    (["--output_dir=file"], "--output_dir=file is a file; name a folder"),
    (["--output_dir=file/run"], "--output_dir=file/run cannot be written to (Not a directory)"),
    ([f"--output_dir={LONG}"], "cannot be written to (File name too long); choose another"),
    (["--output_dir=/proc/run"], "--output_dir=/proc/run cannot be written to"),
    (["--stage=figure", "--output_dir=missing"], "there is no run folder missing; check --output"),
    (["--networks="], "--networks lacks a name; give some, or leave it out"),
    (["--layers="], "--layers lacks a name"),
    (["--seed=-1"], "flag --seed=-1: -1 is not an integer in the range [0, 2147483647]"),
]
OF_ONE_FIGURE = [
    (["--output_dir=blank"], "cannot read blank/run.json"),
    (["--output_dir=no_json"], "cannot read no_json/run.json"),
    (["--output_dir=binary"], "cannot read binary/run.json"),
    (["--output_dir=list"], "list/run.json is no record of a run: it has no 'config'"),
    (["--output_dir=lacking"], "lacking/run.json is no record of a run: it has no 'config'"),
    (["--output_dir=misspelt"], "misspelt/run.json is no record of a run"),
    (["--output_dir=of_text"], "of_text/run.json is no record of a run"),
    (["--output_dir=odd_preset"], "odd_preset/run.json has preset = 'huge'"),
    (["--output_dir=odd_count"], "odd_count/run.json has num_stimuli = 'many'"),
    (["--output_dir=odd_synthesis"], "odd_synthesis/run.json has synthesis = [300]"),
    (["--output_dir=odd_layers", "--stage=figure"], "odd_layers/run.json has layers = ['fc8']"),
    (["--output_dir=sound", "--num_stimuli=4"],
     "sound holds a run with num_stimuli = 3, and --num_stimuli is 4; choose another --output_d"),
    (["--output_dir=sound", "--iterations=8"], "with iterations = 7, and --iterations is 8"),
    (["--output_dir=sound", "--seed=8", "--num_stimuli=3"], "and --seed is 8"),
    (["--output_dir=sound", "--preset=paper"], "with preset = small, and --preset is paper"),
    (["--output_dir=empty", "--stage=figure"], "empty/run.json"),
    (["--output_dir=orphan", "--num_stimuli=1", "--num_null_stimuli=2", "--layers=fc8",
      "--networks=vgg_19_small"], "orphan holds metamers, but no run.json"),
    (["--networks=vgg_19_small,,"], "--networks lacks a name"),
    (["--networks=vgg_19_small,vgg_19_small"], "--networks has vgg_19_small twice"),
    (["--networks=vgg_20"], "unknown network 'vgg_20'; choose from: vgg_19, "),
    (["--networks=word_aliased_small"], "unknown network 'word_aliased_small'; choose from"),
    (["--networks=vgg_19_small", "--layers=fc8,fc8"], "--layers has fc8 twice"),
    (["--networks=vgg_19_small", "--layers=fc8,fc9"], "unknown layer 'fc9'; the networks have"),
    (["--num_stimuli=0"], "flag --num_stimuli=0"),
    (["--num_stimuli=1000000000000"], "flag --num_stimuli=1000000000000"),
    (["--num_stimuli=1e12"], "flag --num_stimuli=1e12"),
    (["--num_stimuli=2.5"], "flag --num_stimuli=2.5"),
    (["--num_stimuli=many"], "flag --num_stimuli=many"),
    (["--num_null_stimuli=1"], "flag --num_null_stimuli=1"),
    (["--iterations=0"], "flag --iterations=0"),
    (["--iterations=3000000000"], "flag --iterations=3000000000"),
    (["--iterations="], "flag --iterations="),
    (["--batch_size=0"], "flag --batch_size=0"),
    (["--seed=99999999999999999999999"], "flag --seed=99999999999999999999999"),
    (["--seed=nan"], "flag --seed=nan"),
    (["--stimuli_dir="], "--stimuli_dir is empty"),
    (["--stimuli_dir=missing"], "--stimuli_dir=missing is not there; name a folder that is"),
    (["--stimuli_dir=file"], "--stimuli_dir=file is a file"),
    (["--stimuli_dir=empty", "--networks=vgg_19_small"], "empty"),
    (["--output_dir=sound", "--solver=lbfgs"], "with solver = adam, and --solver is lbfgs"),
    (["--output_dir=of_sounds"], "--output_dir=of_sounds holds a run of sounds, word_aliased_"),
    (["--output_dir=of_sounds", "--stage=figure"], "holds a run of sounds, word_aliased_small"),
    (["--output_dir=of_cochleagrams", "--stage=figure"], "holds a run of sounds, word_aliased_s"),
    (["--output_dir=null", "--stage=figure"], "null holds no run of this script"),
    (["--preset=paper", "--networks=vgg_19_small"],
     "--preset=paper is for networks at full size, and vgg_19_small is small"),
    (["--solver=newton"], "flag --solver=newton"),
    (["--preset=paper"], "--preset=paper needs natural stimuli: give --stimuli_dir"),
    (["--preset=large"], "flag --preset=large: value should be one of <small|"),
    (["--stage=draw"], "flag --stage=draw"),
    (["--strategy=all"], "flag --strategy=all"),
    (["--num_stimulus=3"], "Unknown command line flag 'num_stimulus'. Did you mean: num_stimuli"),
    (["num_stimuli=3"], "unexpected argument 'num_stimuli=3'; options are written --name=value"),
]  # fmt: skip
FROM = "--from_run=made/run.json"
OF_REPETITIONS = [
    (["--from_run="], "--from_run is empty"),
    (["--from_run=missing"], "--from_run=missing is not there; name a file that is"),
    (["--from_run=made"], "--from_run=made is a folder; name a file"),
    (["--from_run=binary/run.json"], "cannot read binary/run.json"),
    (["--from_run=list/run.json"], "list/run.json is no record of a run"),
    (["--from_run=odd_count/run.json"], "odd_count/run.json has num_stimuli = 'many'"),
    (["--from_run=odd_way/run.json"], "odd_way/run.json has made_with = [{'batch_size': 2"),
    (["--from_run=odd_layers/run.json"], "odd_layers/run.json has layers = ['fc8']"),
    (["--from_run=made_twice/run.json"], "made_twice/run.json was made in several ways"),
    (["--from_run=of_sounds/run.json"], "--from_run=of_sounds/run.json holds a run of sounds"),
    ([FROM, "--preset=paper"], "--preset contradicts --from_run: the run had preset = small"),
    ([FROM, "--networks=vgg_19_small,inception_v3_small"], "--networks contradicts --from_run"),
    ([FROM, "--layers=fc7"], "--layers contradicts --from_run: the run had layers = fc7,fc8"),
    ([FROM, "--num_stimuli=4"], "--num_stimuli contradicts --from_run: the run had num_stimuli"),
    ([FROM, "--num_null_stimuli=4"], "--num_null_stimuli contradicts --from_run"),
    ([FROM, "--iterations=8"], "--iterations contradicts --from_run: the run had iterations = 7"),
    ([FROM, "--solver=lbfgs"], "--solver contradicts --from_run: the run had solver = adam"),
    ([FROM, "--stimuli_dir=empty"], "--stimuli_dir contradicts --from_run"),
    ([FROM, "--seed=1"], "--seed contradicts --from_run: the run had seed = 0"),
    ([FROM, "--batch_size=16"], "--batch_size contradicts --from_run: the run had batch_size = 2"),
    ([FROM, "--stage=figure"], "--stage contradicts --from_run"),
]
OF_RUN_DIRS = [
    (["--run_dir="], "--run_dir is empty"),
    (["--run_dir=file"], "--run_dir=file is a file; name a folder"),
    (["--run_dir=list"], "it has no 'config' with names and values; restore it, or choose"),
    (["--run_dir=sound", "--num_stimuli=4"], "choose another --run_dir, or leave out --num_st"),
]
OF_OTHERS = {
    "figs9_cochleagram_metamers": [
        (["--layers=cochleagram"], "--layers needs a layer above the cochleagram"),
        (["--networks=word_aliased_small,word_reduced_aliasing_small"], "S9 is of one network"),
    ],
    "fig2_validation": [(["--num_compared=0"], "flag --num_compared=0")],
    "fig5_visual_transfer": [
        ([f"--run_dir={FIGURES / 'fig4_audio'}"], "holds a run of sounds, word_aliased_small"),
    ],
    "fig4_audio": [(["--networks=vgg_19_small"], "unknown network 'vgg_19_small'; choose")],
    "figs1_s8_layer_grids": [
        (["--modality=touch"], "flag --modality=touch"),
        (["--modality=audio", f"--run_dir={FIGURES / 'fig3_visual'}"], "a run of images, vgg_19"),
    ],
    "benchmark_solvers": [
        (["--output_dir=file"], "--output_dir=file is a file"),
        (["--networks="], "--networks lacks a name"),
        (["--networks=vgg_20"], "unknown network 'vgg_20'"),
        (["--networks=vgg_19_small", "--layers=fc9"], "vgg_19_small has no layer 'fc9'"),
        (["--num_stimuli=1000000000000"], "flag --num_stimuli=1000000000000"),
        (["--stage=figure", "--output_dir=empty"], "holds no curves yet"),
    ],
    "api_pages": [
        (["--output_dir=file"], "--output_dir=file is a file"),
        (["--output_dir="], "--output_dir is empty"),
    ],
    "scaling": [
        (["--parts=point"], "unknown part 'point'; choose from: points, workers, cost"),
        (["--num_workers=0"], "--num_workers must be whole numbers from 1 to 64"),
        (["--networks=vgg"], "unknown network 'vgg'; choose from: "),
        (["--output_dir=file"], "--output_dir=file is a file; name a folder"),
    ],
    "check_renders": [
        (["--networks=vgg"], "unknown network 'vgg'; choose from: "),
        (["--num_renders=0"], "flag --num_renders=0: 0 is not a positive integer"),
        (["--categories=x"], "unknown category 'x'; choose from: airplane, bear"),
    ],
    "human_experiment": [
        ([], "--run_dirs is needed: name one or more run folders with metamers"),
        (["--run_dirs=missing"], "there is no run folder missing; check --run_dirs"),
        (["--run_dirs=empty"], "cannot read empty/"),
    ],
    "human_server": [
        (["--experiment_dir=missing"], "--experiment_dir=missing is not there"),
        (["--port=99999999"], "flag --port=99999999: 99999999 is not an integer in the range"),
    ],
    "human_analysis": [
        (["--experiment_dir=missing"], "is not there; name a folder that human_experiment.py"),
        (["--simulate=0"], "flag --simulate=0: 0 is not an integer in the range"),
    ],
    "gallery": [
        ([], "name the run folders to show, as in: gallery.py runs/fig3_visual"),
        (["run", "./run"], "name each run folder once; got run ./run"),
        (["missing"], "there is no run folder missing; check RUN"),
        (["empty"], "cannot read empty/matches.csv"),
        ([str(FIGURES / "fig3_visual"), "--output=empty"], "--output=empty is a folder"),
        ([str(FIGURES / "fig3_visual"), "--output=file/page.html"], "--output=file cannot be wri"),
    ],
    "null_distributions": [
        (["--output_dir="], "--output_dir is empty"),
        (["--output_dir=file"], "--output_dir=file is a file"),
        (["--networks="], "--networks lacks a name"),
        (["--networks=vgg_19_small,vgg_19_small"], "--networks has vgg_19_small twice"),
        (["--networks=vgg_20"], "unknown network 'vgg_20'"),
        (["--networks=vgg_19_small", "--layers=conv1_2,xx"], "unknown layer 'xx'"),
        (["--layers="], "--layers lacks a name"),
        (["--seed=-1"], "flag --seed=-1"),
        (["--num_null_stimuli=1"], "flag --num_null_stimuli=1"),
        (["--num_null_stimuli=1000000000000"], "flag --num_null_stimuli=1000000000000"),
        (["--shard=1"], "--shard is written i/n, from 0/n to n-1/n; got '1'"),
        (["--shard=2/2"], "there is no shard 2 of 2; choose from 0/n to n-1/n"),
        (["--shard=0/0"], "there is no shard 0 of 0"),
        (["--pairs=some"], "flag --pairs=some"),
        (["--preset=paper", "--networks=vgg_19_small"], "--preset=paper is for networks at full"),
        (["--preset=paper"], "--preset=paper needs natural stimuli"),
        (["--stimuli_dir=missing"], "--stimuli_dir=missing is not there"),
    ],
    "claims": [
        (["--output="], "--output is empty"),
        (["--output=empty"], "--output=empty is a folder; name a file in it"),
        (["--output=file/claims.csv"], "--output=file cannot be written to (Not a directory)"),
        (["--output=/proc/none/claims.csv"], "--output=/proc/none cannot be written to"),
        (["--fig3_visual_dir=missing"], "--fig3_visual_dir=missing is not there"),
        (["--fig3_visual_dir=file"], "--fig3_visual_dir=file is a file"),
        (["--fig3_visual_dir="], "--fig3_visual_dir is empty"),
        (["--fig3_visual_dir=empty"], "has no matches.csv or recognition.csv: it is no folder of"),
        ([f"--fig3_visual_dir={FIGURES / 'fig4_audio'}"], "a run of sounds, word_aliased_small"),
        ([f"--fig6_audio_transfer_dir={FIGURES / 'fig5_visual_transfer'}"], "a run of images"),
        ([f"--fig4_audio_dir={FIGURES / 'figs1_s8_layer_grids'}"], "is no folder of fig4_audio"),
    ],
    "certify": [
        ([], "give the run folder to certify"),
        (["missing"], "--run_dir=missing is not there"),
        (["file"], "--run_dir=file is a file"),
        (["--run_dir="], "--run_dir is empty"),
        (["empty"], "cannot read empty/run.json"),
        (["sound"], "sound/matches.csv"),
        (["sound", "list"], "unexpected argument 'list'"),
        (["certified"], "is not what its certificate.json certifies: matches.csv missing"),
        (["odd_certificate"], "odd_certificate/certificate.json is damaged"),
    ],
    "tables": [
        (["--tables="], "--tables lacks a name"),
        (["--tables=s5,s5"], "--tables has s5 twice"),
        (["--tables=s7"], "unknown table 's7'; choose from: s1, s2"),
        (["--tables=s4", "--preset=imagenet"], "unknown table 's4'; choose from: s5"),
        (["--tables=s5", "--preset=imagenet"], "runs/fig3_visual_imagenet is not there"),
        (["--preset=commands"], "no run to make tables of: --audio_run_dir=runs/fig4_audio_comm"),
        (["--tables=s5"], "--visual_run_dir=runs/fig3_visual is not there"),
        (["--tables=s5", "--visual_run_dir=file"], "--visual_run_dir=file is a file"),
        (["--visual_run_dir=missing"], "--visual_run_dir=missing is not there"),
        (["--tables=s5", "--visual_run_dir=empty"], "--visual_run_dir=empty has no matches.csv"),
        (["--tables=s5", f"--visual_run_dir={FIGURES / 'fig4_audio'}"],
         "none of which is in Table S5"),
        (["--output_dir=file"], "--output_dir=file is a file"),
        (["--output_dir=file/tables"], "--output_dir=file/tables cannot be written to"),
        (["--output_dir="], "--output_dir is empty"),
        (["--tables=s5", "--check_against_paper",
          f"--visual_run_dir={FIGURES / 'fig3_visual'}"], "compares runs of --preset=paper"),
    ],
    "benchmark": [
        (["--batch_sizes=0"], "--batch_sizes must be whole numbers from 1"),
        (["--batch_sizes=a"], "--batch_sizes must be whole numbers from 1"),
        (["--batch_sizes="], "--batch_sizes lacks a name"),
        (["--batch_sizes=1000000000000"], "--batch_sizes must be whole numbers from 1 to 1000000"),
        (["--network=vgg_20"], "unknown network 'vgg_20'"),
        (["--network=vgg_19_small", "--layers=fc9"], "fc9"),
        (["--layers="], "--layers lacks a name"),
        (["--repeats=1"], "flag --repeats=1"),
        (["--output=empty"], "--output=empty is a folder"),
    ],
    "benchmark_cochleagram": [
        (["--batch_sizes=0"], "--batch_sizes must be whole numbers from 1"),
        (["--output=file/table.csv"], "--output=file cannot be written to"),
    ],
    "suspicions": [
        (["--fig3_visual_dir=missing"], "--fig3_visual_dir=missing is not there; name a folder"),
        (["--fig3_visual_dir=file"], "--fig3_visual_dir=file is a file"),
        (["--fig3_visual_dir="], "--fig3_visual_dir is empty"),
        ([f"--fig3_visual_dir={FIGURES / 'fig3_visual'}"], "--fig4_audio_dir=runs/fig4_audio is"),
        (["--output_dir=file"], "--output_dir=file is a file"),
        (["--output_dir=/proc/none"], "--output_dir=/proc/none cannot be written to"),
    ],
    "train_small": [
        (["--data_dir=file"], "--data_dir=file is a file"),
        (["--output_dir=file"], "--output_dir=file is a file"),
        (["--output_dir="], "--output_dir is empty"),
        (["--output_dir=/proc/networks"], "--output_dir=/proc/networks cannot be written to"),
        (["--speech_dir=missing"], "--speech_dir=missing is not there"),
        (["--networks="], "--networks lacks a name"),
        (["--networks=vgg_19"], "unknown network 'vgg_19'; choose from: vgg_19_small"),
        (["--n_per_class=15"], "--n_per_class must be a multiple of 10; got 15"),
        (["--steps=0"], "flag --steps=0"),
        (["--noise_sd=2"], "flag --noise_sd=2"),
        (["--weight_decay=-1"], "flag --weight_decay=-1"),
        (["--noise_sd=0"], "--noise_sd is for image networks, not word_aliased_small"),
    ],
    "train_imagenet": [
        (["--data_dir=missing"], "--data_dir=missing is not there; name the folder of ImageNet"),
        (["--data_dir=empty"], "needs a folder train of ImageNet's images"),
        (["--data_dir=empty", "--networks=vgg_19"], "unknown network 'vgg_19'"),
        (["--data_dir=empty", "--output_dir=file"], "--output_dir=file is a file"),
    ],
    "train_word_cnn": [
        (["--dataset_dir=missing"], "is not there; build_word_dataset.py makes one"),
        (["--dataset_dir=empty"], "empty/words.csv"),
        (["--dataset_dir=empty", "--networks=word_aliased,word_aliased"], "word_aliased twice"),
    ],
    "build_word_dataset": [
        ([], "give speech (--timit_dirs, --alignments), --audioset_dir, or both"),
        (["--timit_dirs=missing"], "missing"),
        (["--alignments=missing.csv"], "missing.csv"),
        (["--audioset_dir=empty"], "--audioset_dir needs --audioset_segments"),
        (["--output_dir=file", "--timit_dirs=empty"], "--output_dir=file is a file"),
        (["--seed=-1"], "flag --seed=-1"),
        (["--validation_share=2"], "flag --validation_share=2"),
    ],
    "fetch_checkpoints": [
        (["--networks="], "--networks lacks a name"),
        (["--networks=vgg_19_small"], "there is no download of vgg_19_small; choose from: vgg_19"),
        (["--directory=file"], "--directory=file is a file"),
        (["--directory="], "--directory is empty"),
    ],
    "convert_published_nulls": [
        ([], "Flag --network must have a value"),
        (["--network=vgg_19", "--file=missing", "--output_dir=new"], "missing"),
        (["--network=vgg_20", "--file=file", "--output_dir=new"], "unknown network 'vgg_20'"),
        (["--network=vgg_19", "--file=file", "--output_dir=file"], "--output_dir=file is a file"),
    ],
    "make_clips": [
        (["--output_dir=mine"], "mine/notes.txt; choose another --output_dir"),
        (["--output_dir=file"], "--output_dir=file is a file"),
        (["--output_dir="], "--output_dir is empty"),
    ],
    "objects_contact_sheet": [
        (["--output=empty"], "--output=empty is a folder"),
        (["--output=file/sheet.png"], "--output=file cannot be written to"),
        (["--size_px=4"], "flag --size_px=4"),
        (["--size_px=100000"], "flag --size_px=100000"),
        (["--seed=-1"], "flag --seed=-1"),
    ],
}  # fmt: skip
OF_PRESETS = [
    ("fig1_method", ["--networks=vgg_19_small,inception_v3_small"], "Figure 1 is of one network"),
    ("fig1_method", ["--layers=a,b,c,d,e"], "--layers: Figure 1 has room for 4 layers"),
    ("fig1_method", ["--stage=figure", "--preset=imagenet"], "runs/fig1_method_imagenet"),
    ("fig2_validation", ["--stage=figure", "--preset=imagenet"], "runs/fig2_validation_imagenet"),
    ("fig4_audio", ["--preset=commands"], "--preset=commands needs natural stimuli: give --sti"),
    ("fig4_audio", ["--preset=imagenet"], "flag --preset=imagenet: value should be one of <sma"),
    ("fig3_visual", ["--layer_iterations=fc8:"], "--layer_iterations is written LAYER:NUMBER,"),
    ("fig3_visual", ["--layer_iterations=fc8:0"], "--layer_iterations is written LAYER:NUMBER,"),
    ("fig3_visual", ["--layer_iterations=fc8:3,fc8:4"], "--layer_iterations has fc8 twice; give"),
    ("fig3_visual", ["--layer_iterations=fc9:3", "--networks=vgg_19_small"], "layer 'fc9'"),
    ("fig3_visual", ["--layer_iterations=vgg_19_small/fc9:3"], "unknown layer 'fc9'"),
    ("fig3_visual", ["--layer_iterations=vgg_19/fc8:3"], "has the network 'vgg_19'; those of"),
    ("fig3_visual", ["--layer_iterations=fc8:3", "--output_dir=sound"],
     "sound holds a run with layer_iterations = none, and --layer_iterations is fc8:3; leave it"),
    ("figs1_s8_layer_grids", ["--modality=audio", "--preset=imagenet"],
     "--preset=imagenet is not one of small, commands, paper here"),
    ("figs9_cochleagram_metamers", ["--run_dir=of_commands"],
     "of_commands holds a run of --preset=commands, and this script is for small, paper; choose"),
]  # fmt: skip
MISTAKES = [
    *OF_PRESETS,
    *((script, *mistake) for script in FIGURE_SCRIPTS for mistake in OF_ALL_FIGURES),
    *(("fig3_visual", *mistake) for mistake in OF_ONE_FIGURE + OF_REPETITIONS),
    *((script, *mistake) for script in SECOND_FOLDER for mistake in OF_RUN_DIRS),
    *((script, *mistake) for script, mistakes in OF_OTHERS.items() for mistake in mistakes),
]


@pytest.mark.parametrize(
    ("script", "arguments", "message"),
    MISTAKES,
    ids=[f"{script} {' '.join(arguments)[:60]}" for script, arguments, _ in MISTAKES],
)
def test_a_mistake_is_one_line_that_helps_and_leaves_nothing(script, arguments, message, refusal):
    assert message in refusal(script, *arguments)


def test_there_are_more_than_a_hundred_kinds():
    assert len({tuple(arguments) for _, arguments, _ in MISTAKES}) > 100
    assert {script for script, *_ in MISTAKES} == {p.stem for p in EXPERIMENTS.glob("*.py")}


CLUSTERS = [
    ({}, "needs the cluster in TF_CONFIG or a Slurm job"),
    ({"TF_CONFIG": "garbage"}, "TF_CONFIG is not of the form"),
    ({"TF_CONFIG": "[1]"}, "TF_CONFIG is not of the form"),
    ({"TF_CONFIG": json.dumps({"cluster": TASK["cluster"]})}, "(there is no 'task')"),
    ({"TF_CONFIG": json.dumps({"task": TASK["task"]})}, "(there is no 'cluster')"),
    ({"TF_CONFIG": json.dumps(TASK | {"task": {"type": "boss", "index": 0}})}, "type 'boss'"),
    ({"TF_CONFIG": json.dumps(TASK | {"task": {"type": "worker", "index": 2}})}, "no worker 2"),
    ({"TF_CONFIG": json.dumps(TASK | {"task": {"type": "worker", "index": "x"}})}, "TF_CONFIG"),
    *(
        (
            {"TF_CONFIG": json.dumps(TASK | {"cluster": {"worker": ["a:1", "b:1"]} | other})},
            "hosts of",
        )
        for other in ({"worker": "a:1"}, {"chief": "a:1"}, {"chief": None}, {"ps": [1]})
    ),
    *(
        (
            {"TF_CONFIG": json.dumps(TASK | {"task": {"type": "worker", "index": index}})},
            "the index",
        )
        for index in (float("inf"), 1.7, True, "9" * 5000)
    ),
    ({"TF_CONFIG": "[" * 100_000}, "TF_CONFIG is not of the form"),
    ({"SLURM_PROCID": "9" * 5000, "SLURM_NTASKS": "2"}, "SLURM_PROCID must be a number"),
    ({"SLURM_PROCID": "0"}, "SLURM_NTASKS must be a number"),
    ({"SLURM_PROCID": "abc", "SLURM_NTASKS": "2"}, "SLURM_PROCID must be a number"),
    ({"SLURM_PROCID": "5", "SLURM_NTASKS": "2"}, "SLURM_PROCID is 5 and SLURM_NTASKS 2"),
    ({"SLURM_PROCID": "-1", "SLURM_NTASKS": "2"}, "SLURM_PROCID must be a number"),
]


@pytest.mark.parametrize(("variables", "message"), CLUSTERS)
def test_a_cluster_described_badly_is_told_by_its_variable(
    variables, message, refusal, monkeypatch
):
    for name in ("TF_CONFIG", "SLURM_PROCID", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert message in refusal("fig3_visual", "--strategy=cluster", "--output_dir=new")


def test_images_of_classes_that_nobody_knows_are_refused_before_synthesis(
    workplace, refusal, tmp_path
):
    """A mistake of the folder, which is none of this test's working folder."""
    previews = (FIGURES / "fig3_visual").glob("previews/vgg_19_small/natural/*.png")
    for name, preview in zip(("griffin", "sphinx"), previews, strict=False):
        (tmp_path / name).mkdir()
        shutil.copy(preview, tmp_path / name)
    line = refusal(
        "fig3_visual", f"--stimuli_dir={tmp_path}", "--networks=vgg_19_small", "--layers=fc8",
        "--num_null_stimuli=4", "--output_dir=new",
    )  # fmt: skip
    assert "can be scored: their classes are not known (griffin, sphinx); name" in line
    assert "WordNet ids, airplane, bear" in line


@pytest.fixture(scope="module")
def network():
    return mm.load_network("vgg_19_small", weights=None)


IMAGES = np.full((2, 96, 96, 3), 0.5, np.float32)
CALLS = [
    ("'vgg_20'; choose from: vgg_19", lambda _: mm.load_network("vgg_20")),
    ("there is no file x.npz", lambda _: mm.load_network("vgg_19_small", weights="x.npz")),
    ("'fc9'", lambda network: network.activations(IMAGES, ["fc9"])),
    ("'word'; tasks: objects", lambda network: network.logits(IMAGES, task="word")),
    ("96, 96, 3", lambda network: network.activations(IMAGES[:, :50])),
    ("iterations", lambda _: mm.SynthesisConfig(iterations=0)),
    ("learning_rate", lambda _: mm.SynthesisConfig(iterations=1, learning_rate=-1.0)),
    ("'conv9'", lambda network: mm.synthesize(network, "conv9", IMAGES, mm.SynthesisConfig(1))),
    ("two or more stimuli", lambda network: mm.null_distribution(network, "fc8", IMAGES[:1])),
    ("a Network; got str", lambda _: mm.synthesize("vgg_19_small", "fc8", IMAGES)),
    ("a Network; got Functional", lambda network: mm.synthesize(network.model, "fc8", IMAGES)),
    ("the name of one layer", lambda network: mm.synthesize(network, ["fc8"], IMAGES)),
    ("the name of one layer", lambda network: network.response(["fc8"])),
    ("the name of one layer", lambda network: mm.null_distribution(network, ["fc8"], IMAGES)),
    ("config must be a", lambda network: mm.synthesize(network, "fc8", IMAGES, None)),
    ("config must be a", lambda network: mm.synthesize(network, "fc8", IMAGES, {"iterations": 2})),
    (
        "config must be a",
        lambda network: mm.synthesize(network, "fc8", IMAGES, mm.SynthesisConfig),
    ),
    ("strategy", lambda network: mm.synthesize(network, "fc8", IMAGES, strategy="mirrored")),
    ("state must", lambda network: mm.synthesize(network, "fc8", IMAGES, state={"step": 3})),
    ("list of names", lambda network: mm.synthesize(network, "fc8", IMAGES, stimulus_ids="ab")),
    ("list of names", lambda network: mm.synthesize(network, "fc8", IMAGES, stimulus_ids=5)),
    ("array of stimuli", lambda network: mm.null_distribution(network, "fc8", None)),
    ("got Functional", lambda network: mm.null_distribution(network.model, "fc8", IMAGES)),
    ("real numbers", lambda _: mm.spearman(np.full((2, 3), "a"), np.full((2, 3), "b"))),
    ("real numbers", lambda _: mm.spearman(np.ones((2, 3)) * 1j, np.ones((2, 3)))),
    ("masked", lambda _: mm.spearman(np.ma.masked_less(np.eye(3), 0.5), np.eye(3))),
    ("one shape", lambda _: mm.spearman(np.zeros((2, 3)), np.zeros((2, 4)))),
    ("'fast'; choose from", lambda _: mm.Cochleagram(method="fast")),
]


@pytest.mark.parametrize(("words", "call"), CALLS)
def test_a_call_with_a_mistake_is_a_value_error_in_one_line(words, call, network):
    with pytest.raises(ValueError) as error:
        call(network)
    assert words in str(error.value) and "\n" not in str(error.value)
