"""Figures: what is drawn is what the table says, and published data cannot be taken for ours."""

import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from model_metamers.networks.catalog import known_identities
from model_metamers.plotting.axes import HUMAN_LABEL, image_grid, recognition_by_layer
from model_metamers.plotting.examples import ImageRow
from model_metamers.plotting.figure3 import figure3
from model_metamers.plotting.style import network_style, style_of
from shared.styles import styles_for

IDENTITIES = known_identities()
STYLES = styles_for(IDENTITIES)
LAYERS = ["conv1_2", "conv5_4", "fc8"]
MEASURED = [1.0, 0.9, 0.5, 0.1]
PUBLISHED = [0.9, 0.8, 0.4]


def recognition(generator="vgg_19_small", published="vgg_19", task="sixteen_way"):
    rows = [
        (observer, generator, layer, task, 12, p, 0.02, "measured")
        for observer in dict.fromkeys(("resnet_v2_101_small", generator))
        for layer, p in zip(["natural", *LAYERS], MEASURED, strict=True)
    ]
    rows += [  # no published value for conv5_4
        ("human", published, layer, "sixteen_way", 16, p, 0.03, "published")
        for layer, p in zip(["natural", "conv1_2", "fc8"], PUBLISHED, strict=True)
    ]
    columns = [
        "observer",
        "generator",
        "layer",
        "task",
        "n",
        "proportion_correct",
        "sem",
        "source",
    ]
    return pd.DataFrame(rows, columns=columns)


def image_row(generator="vgg_19_small", accepted=None):
    random = np.random.default_rng(0)
    return ImageRow(generator, random.integers(0, 256, (4, 8, 8, 3), np.uint8), LAYERS, accepted)


def drawn(axes):
    """Return label -> the y values of its curve."""
    handles, labels = axes.get_legend_handles_labels()
    lines = [np.asarray(bars[0].get_ydata(), float) for bars in handles]
    return dict(zip(labels, lines, strict=True))


def texts(artist):
    return [text.get_text() for text in artist.texts]


def assert_on_the_page(figure):
    tight, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert tight.x0 >= 0 and tight.y0 >= 0 and tight.x1 <= width and tight.y1 <= height


@pytest.fixture
def axes():
    return Figure().subplots()


def test_curves_are_the_tables_values_with_gaps_where_it_has_none(axes):
    recognition_by_layer(axes, recognition(), "vgg_19_small", LAYERS, STYLES)
    curves = drawn(axes)
    np.testing.assert_array_equal(curves["VGG-19 (small)"], MEASURED)
    np.testing.assert_array_equal(curves["ResNet-v2-101 (small)"], MEASURED)
    np.testing.assert_array_equal(curves[HUMAN_LABEL], [0.9, 0.8, np.nan, 0.4])
    labels = [label.get_text() for label in axes.get_xticklabels()]
    assert labels == ["natural", *LAYERS]
    assert "n=12" in texts(axes) and "chance" in texts(axes)


def test_missing_human_data_are_said_to_be_missing(axes):
    table = recognition(published="inception_v3")
    recognition_by_layer(axes, table, "vgg_19_small", LAYERS, STYLES, chance=None)
    assert "no published\nhuman data" in texts(axes) and HUMAN_LABEL not in drawn(axes)
    assert "chance" not in texts(axes)


def test_published_and_measured_curves_look_different(axes):
    recognition_by_layer(axes, recognition(), "vgg_19_small", LAYERS, STYLES)
    handles, labels = axes.get_legend_handles_labels()
    lines = {label: bars[0] for bars, label in zip(handles, labels, strict=True)}
    human, own = lines[HUMAN_LABEL], lines["VGG-19 (small)"]
    assert human.get_markerfacecolor() == "none" and human.get_linestyle() == "--"
    assert own.get_linewidth() > lines["ResNet-v2-101 (small)"].get_linewidth()
    measured = [line for line in lines.values() if line is not human]
    assert len(measured) == 2
    assert to_hex(human.get_color()) not in {to_hex(line.get_color()) for line in measured}


def test_people_of_an_own_experiment_stand_beside_the_published_ones(axes):
    own = recognition().iloc[:4].assign(observer="human (yours)", proportion_correct=0.7, n=160)
    table = pd.concat([own, recognition()])
    recognition_by_layer(axes, table, "vgg_19_small", LAYERS, STYLES)
    np.testing.assert_array_equal(drawn(axes)["Humans (yours)"], 4 * [0.7])
    assert len(drawn(axes)) == 4 and "n=12" in texts(axes)  # the counts are the network's
    handles, labels = axes.get_legend_handles_labels()
    line = handles[labels.index("Humans (yours)")][0]
    assert line.get_color() == "black" and line.get_markerfacecolor() == "black"
    figure = figure3([image_row()], table, STYLES)
    assert texts(figure.legends[0])[-3:-1] == [HUMAN_LABEL, "Humans (yours)"]


def test_mistakes_in_the_table_are_named(axes):
    with pytest.raises(ValueError, match="lacks the columns sem"):
        recognition_by_layer(
            axes, recognition().drop(columns="sem"), "vgg_19_small", LAYERS, STYLES
        )
    with pytest.raises(ValueError, match=r"'vgg_16'; there is: vgg_19_small"):
        recognition_by_layer(axes, recognition(), "vgg_16", LAYERS, STYLES)
    both = pd.concat([recognition(), recognition(task="native").iloc[:8]])
    with pytest.raises(ValueError, match="one of the tasks: sixteen_way, native"):
        recognition_by_layer(axes, both, "vgg_19_small", LAYERS, STYLES)


def test_published_scores_are_drawn_only_beside_the_same_question(axes):
    both = pd.concat([recognition(), recognition(task="native").iloc[:8]])
    recognition_by_layer(axes, both, "vgg_19_small", LAYERS, STYLES, task="native")
    assert "no published\nhuman data" in texts(axes)
    axes.clear()
    recognition_by_layer(axes, both, "vgg_19_small", LAYERS, STYLES, task="sixteen_way")
    assert HUMAN_LABEL in drawn(axes)


def test_image_grid_names_every_image_and_marks_the_rejected_one(axes):
    rows = [list(image_row().images), list(image_row().images[:2])]
    names = [["natural", *LAYERS], ["natural", "conv1"]]
    image_grid(axes, rows, ["first", "second"], names, [[True, True, False, True], [True, True]])
    assert len(axes.images) == 6 and texts(axes).count("×") == 1
    assert {"first", "second", "natural", "conv1", *LAYERS} < set(texts(axes))
    np.testing.assert_array_equal(axes.images[3].get_array(), rows[0][3])


def test_image_grid_checks_its_labels(axes):
    with pytest.raises(ValueError, match=r"rows of \[4\] images"):
        image_grid(axes, [image_row().images], ["only"], [LAYERS])


def test_figure3_has_one_plot_per_network_and_says_what_is_not_accepted():
    table = pd.concat([recognition(), recognition("inception_v3_small", "inception_v3")])
    rows = [image_row(accepted=np.array([True, False, True])), image_row("inception_v3_small")]
    figure = figure3(rows, table, STYLES)
    assert len(figure.axes) == 3 and figure.get_figwidth() * 25.4 == pytest.approx(180)
    assert any("not accepted" in text for text in texts(figure))
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(legend) == len(set(legend)) and legend[-2] == HUMAN_LABEL
    figure.savefig(io.BytesIO(), format="png", dpi=50)
    assert_on_the_page(figure)
    all_accepted = figure3([image_row()], recognition(), STYLES)
    assert not any("accepted" in text for text in texts(all_accepted))


def test_everything_drawn_is_on_the_page():
    generators = [
        "word_reduced_aliasing", "random_reduced_aliasing", "audioset_reduced_aliasing",
        "word_audioset_reduced_aliasing",
    ]  # fmt: skip
    table = pd.concat([recognition(name, name) for name in generators])
    figure = figure3([image_row(name) for name in generators], table, STYLES)
    assert len(figure.axes) == 1 + 4
    assert_on_the_page(figure)


def test_figures_need_something_to_draw():
    with pytest.raises(ValueError, match="at least one"):
        figure3([], recognition(), STYLES)


def test_labels_tell_scale_and_seed():
    assert STYLES["vgg_19"].label == "VGG-19 (full scale)"
    assert STYLES["vgg_19_small"].label == "VGG-19 (small)"
    assert STYLES["vgg_19_small_seed1"].label == "VGG-19 (small, seed 1)"
    assert style_of("my_model", STYLES).label == "my_model"


def test_a_small_network_stands_beside_the_published_scores_of_its_base(axes):
    table = recognition("mine", published="vgg_19")
    styles = STYLES | {"mine": network_style("vgg_19", "Mine", scale="small")}
    recognition_by_layer(axes, table, "mine", LAYERS, styles)
    assert HUMAN_LABEL in drawn(axes) and "Mine (small)" in drawn(axes)


def test_image_networks_have_colours_and_markers_of_their_own():
    styles = [STYLES[name] for name in ("vgg_19", "inception_v3", "resnet_v2_101")]
    assert len({style.colour for style in styles}) == len({s.marker for s in styles}) == 3
    again = STYLES["vgg_19_small_seed1"]
    assert again.colour == styles[0].colour and not again.filled


def test_short_labels_have_room_for_eight_letters_a_line():
    sounds = [name for name, identity in IDENTITIES.items() if identity.short_label]
    labels = [STYLES[name].short_label for name in sounds]
    assert all(len(line) <= 8 for label in labels for line in label.splitlines())
    assert network_style("my_longer_name").short_label == "my_longe\nr_name"


def test_plotting_needs_no_tensorflow_and_no_pyplot():
    code = (
        "import sys, model_metamers.plotting.figure3; "
        "sys.exit(any(name in sys.modules for name in ('tensorflow', 'matplotlib.pyplot')))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
