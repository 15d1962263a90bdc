"""Stimuli on demand stand for the array of them all, and are read as seldom as memory allows."""

from collections import Counter

import numpy as np
import pytest

from model_metamers.stimuli import on_demand
from model_metamers.stimuli.on_demand import StimuliOnDemand
from model_metamers.stimuli.stimulus_set import StimulusSet

ALL = np.random.default_rng(0).random((7, 2, 3), np.float32)  # 24 bytes each


@pytest.fixture
def reads():
    return Counter()


@pytest.fixture
def stimuli(reads):
    def read(index):
        reads[index] += 1
        return ALL[index]

    return StimuliOnDemand(read, 7)


@pytest.mark.parametrize("indices", [[3], [6, 0, 2], slice(2, 6), np.array([1, -1]), [4, 4]])
def test_indexing_gives_what_an_array_gives(stimuli, indices):
    assert len(stimuli) == 7
    for _ in range(2):
        np.testing.assert_array_equal(stimuli[indices], ALL[indices])


def test_an_index_beyond_the_end_is_an_error(stimuli):
    with pytest.raises(IndexError):
        stimuli[[7]]


def test_what_fits_into_memory_is_read_once(stimuli, reads, monkeypatch):
    monkeypatch.setattr(on_demand, "CACHE_BYTES", 3 * 24 + 10)
    for _ in range(2):
        np.testing.assert_array_equal(stimuli[:], ALL)
    assert [reads[index] for index in range(7)] == [1, 1, 1, 2, 2, 2, 2]


def test_a_stimulus_set_can_be_made_of_them(stimuli, reads):
    names = tuple("abcdefg")
    taken = StimulusSet(stimuli, names, names).take([5, 1])
    np.testing.assert_array_equal(taken.stimuli, ALL[[5, 1]])
    assert reads == {5: 1, 1: 1}
