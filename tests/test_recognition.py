"""The 16-way rule, native classes and proportions with bootstrap errors."""

import numpy as np
import pytest

from model_metamers.recognition import (
    category_of_top_member,
    native_class,
    proportion_correct,
    sixteen_way,
)
from model_metamers.stimuli.labels import SIXTEEN_CATEGORIES, sixteen_category_members


@pytest.mark.parametrize("class_offset", [0, 1])
def test_every_member_class_stands_for_its_category(class_offset):
    for category, classes in enumerate(sixteen_category_members().values()):
        logits = np.zeros((len(classes), 1000 + class_offset))
        logits[np.arange(len(classes)), classes + class_offset] = 1
        np.testing.assert_array_equal(sixteen_way(logits, class_offset), category)


def test_the_highest_ranked_member_decides_not_a_mean_nor_a_non_member():
    logits = np.zeros((1, 1000))
    logits[0, sixteen_category_members()["dog"]] = 5.0
    logits[0, 404] = 5.1  # airliner: one class above the many dogs
    logits[0, 1] = 9.0  # goldfish belongs to none of the 16
    assert SIXTEEN_CATEGORIES[sixteen_way(logits)[0]] == "airplane"
    assert native_class(logits)[0] == 1


def test_sixteen_way_names_the_expected_width():
    with pytest.raises(ValueError, match=r"expected logits of 1000 .* got 1001.*class_offset=1"):
        sixteen_way(np.zeros((2, 1001)))
    with pytest.raises(ValueError, match="NaN"):
        sixteen_way(np.full((1, 1000), np.nan))
    with pytest.raises(ValueError, match="without masked values"):
        native_class(np.ma.masked_greater([[1.0, 9.0, 2.0]], 5))
    with pytest.raises(ValueError, match="real numbers; got object"):
        sixteen_way(np.zeros((1, 1000), object))


def test_four_fine_classes_per_category():
    logits = np.random.default_rng(0).normal(size=(50, 64))
    members = np.arange(64).reshape(16, 4)
    np.testing.assert_array_equal(
        category_of_top_member(logits, members), native_class(logits) // 4
    )


@pytest.mark.parametrize("members", [[[0, 1], [1, 2]], [[0], []], [[0], [3]], [[-1], [0]]])
def test_members_are_checked(members):
    with pytest.raises(ValueError, match="expected"):
        category_of_top_member(np.zeros((1, 3)), members)


def test_proportion_correct_has_the_binomial_standard_error():
    correct = np.arange(200) < 150
    mean, sem = proportion_correct(correct)
    assert mean == 0.75
    # 10,000 resamples estimate a standard deviation to about 0.7 %.
    assert sem == pytest.approx(np.sqrt(0.75 * 0.25 / 200), rel=0.03)
    assert proportion_correct(correct) == (mean, sem)


def test_proportion_correct_without_a_spread():
    assert np.isnan(proportion_correct(np.zeros(0, bool))).all()
    mean, sem = proportion_correct(np.array([True]))
    assert mean == 1 and np.isnan(sem)
    assert proportion_correct(np.ones(5, bool)) == (1.0, 0.0)
    with pytest.raises(ValueError, match="booleans"):
        proportion_correct(np.array([0.5, 1.0]))
