"""Which share of the work a process of a cluster takes, by TF_CONFIG or by Slurm."""

import json

import command_line
import pytest

from model_metamers.cluster import Share, worker_share

JOBS = {"chief": ["a:1"], "worker": ["b:1", "c:1"], "ps": ["d:1"]}


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch):
    for name in ("TF_CONFIG", "SLURM_PROCID", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)


def described(monkeypatch, jobs, job, index=0):
    task = {"cluster": jobs, "task": {"type": job, "index": index}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(task))
    return worker_share("cluster")


def test_pieces_are_dealt_out_in_turn():
    shares = [Share(worker, 3).of("abcdefg") for worker in range(3)]
    assert shares == [["a", "d", "g"], ["b", "e"], ["c", "f"]]
    assert Share().of("abc") == ["a", "b", "c"] and Share().is_first


def test_chief_and_workers_share_and_others_take_nothing(monkeypatch):
    assert described(monkeypatch, JOBS, "chief") == (0, 3)
    assert [described(monkeypatch, JOBS, "worker", i) for i in (0, 1)] == [(1, 3), (2, 3)]
    assert described(monkeypatch, JOBS, "ps") is None
    assert described(monkeypatch, JOBS, "evaluator") is None
    legacy = {"master": ["a:1"], "worker": ["b:1"]}
    assert described(monkeypatch, legacy, "master") == (0, 2)
    assert described(monkeypatch, legacy, "worker") == (1, 2)
    assert described(monkeypatch, {"worker": ["a:1", "b:1"]}, "worker", 1) == (1, 2)


def test_hosts_by_index_may_lack_some(monkeypatch):
    jobs = {"chief": {"0": "a:1"}, "worker": {"10": "c:1", "2": "b:1"}}
    assert [described(monkeypatch, jobs, "worker", i) for i in (2, 10)] == [(1, 3), (2, 3)]
    with pytest.raises(ValueError, match="there is no worker 0 among the cluster's 2"):
        described(monkeypatch, jobs, "worker", 0)


def test_slurm_numbers_its_processes(monkeypatch):
    monkeypatch.setenv("SLURM_PROCID", "1")
    monkeypatch.setenv("SLURM_NTASKS", "4")
    monkeypatch.setenv("TF_CONFIG", "")  # as some schedulers leave it
    assert worker_share("cluster") == (1, 4)
    with pytest.raises(ValueError, match="--strategy=multiworker needs the cluster in TF_CONFIG"):
        worker_share("multiworker")
    assert worker_share("mirrored") == worker_share("none") == (0, 1)


@pytest.mark.parametrize("script", ["fig3_visual", "train_word_cnn"])
def test_an_evaluator_ends_at_once_and_says_so(script, tmp_path, monkeypatch):
    task = {"cluster": JOBS, "task": {"type": "evaluator", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(task))
    strategy = "cluster" if script == "fig3_visual" else "multiworker"
    result = command_line.run(script, f"--strategy={strategy}", f"--output_dir={tmp_path / 'run'}")
    assert result.returncode == 0, result.stderr
    assert "this process no worker" in result.stderr
    assert not (tmp_path / "run").exists()
