"""Figure 4: what is drawn is the mean of the other networks, with the published people apart."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from model_metamers.frontends.erb import CochleagramConfig, filterbank
from model_metamers.frontends.picture import cochleagram_picture
from model_metamers.networks.catalog import known_identities
from model_metamers.plotting.examples import ImageRow
from model_metamers.plotting.figure4 import HEADING, OF_PEOPLE, OF_PUBLISHED, figure4
from model_metamers.plotting.figure6 import figure6
from model_metamers.plotting.recognition_by_generator import recognition_by_others
from model_metamers.plotting.style import HUMAN_COLOUR
from shared.styles import styles_for

STYLES = styles_for(known_identities())
ALIASED, REDUCED = "word_aliased_small", "word_reduced_aliasing_small"
LAYERS = {
    ALIASED: ["cochleagram", "conv_0", "logits"],
    REDUCED: ["cochleagram", "pool_0", "logits"],
}
OTHER = "word_audioset_reduced_aliasing_small"


def recognition(people=()):
    """Return a table; the people recognise half of everything."""
    rows = [
        (observer, generator, layer, "word", 80, 0.5, 0.1, "measured")
        for observer in people
        for generator, layers in LAYERS.items()
        for layer in ("natural", *layers)
    ]
    for generator, layers in LAYERS.items():
        for rank, layer in enumerate(["natural", *layers]):
            rows += [
                (generator, generator, layer, "word", 20, 1.0, 0.0, "measured"),
                (REDUCED if generator == ALIASED else ALIASED, generator, layer, "word", 20,
                 0.8 - 0.2 * rank, 0.1, "measured"),
                (OTHER, generator, layer, "word", 20, 0.6 - 0.2 * rank, 0.1, "measured"),
            ]  # fmt: skip
    rows.append(("human", "word_aliased", "conv_0", "word", 80, 0.86, 0.04, "published"))
    columns = [
        "observer", "generator", "layer", "task", "n", "proportion_correct", "sem", "source"
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


@pytest.mark.parametrize("people", [(), ("human (yours)", "human (simulated)")])
def test_a_network_is_not_among_the_others_and_people_are_drawn_apart(people):
    axes = Figure().subplots()
    recognition_by_others(axes, recognition(people), LAYERS, STYLES, 1 / 20)
    handles, labels = axes.get_legend_handles_labels()
    curves = {
        label: np.asarray(bars[0].get_ydata(), float)
        for bars, label in zip(handles, labels, strict=True)
    }
    np.testing.assert_allclose(curves["Words, aliased (small)"], [0.7, 0.5, 0.3, 0.1])
    (human,) = (label for label in labels if label.startswith("Humans (published):"))
    np.testing.assert_array_equal(curves[human], [np.nan, np.nan, 0.86, np.nan])
    line = handles[labels.index(human)][0]
    assert line.get_color() == HUMAN_COLOUR and line.get_linestyle() == "--"
    of_people = [label for label in labels if label.startswith(("Humans (y", "Humans (s"))]
    assert len(of_people) == 2 * len(people)
    assert all((curves[label] == 0.5).all() for label in of_people)
    ticks = [text.get_text() for text in axes.get_xticklabels()]
    assert ticks == ["natural", "cochleagram", "conv_0/pool_0", "logits"]


@pytest.mark.parametrize("people", [(), ("human (yours)", "human (simulated)")])
def test_the_figure_fits_its_page(people):
    pictures = np.zeros((4, 105, 200), np.uint8)
    rows = [ImageRow(name, pictures, layers) for name, layers in LAYERS.items()]
    panels = {"Architecture": list(LAYERS), "Alone": [ALIASED]}
    figure = figure4(rows, recognition(people), panels, STYLES, 0.05)
    legend_top = figure.legends[0].get_window_extent().y1
    names = min(axes.get_tightbbox().y0 for axes in figure.axes[1:])
    assert legend_top < names
    tight, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert tight.x0 >= 0 and tight.y0 >= 0 and tight.x1 <= width and tight.y1 <= height
    assert len(figure.axes) == 3
    assert HEADING + OF_PEOPLE + OF_PUBLISHED in {text.get_text() for text in figure.texts}
    table = recognition()
    alone = figure4(rows, table[table.source == "measured"], panels, STYLES, 0.05)
    assert HEADING in {text.get_text() for text in alone.texts}


@pytest.mark.parametrize("n_more, n_panels", [(0, 1), (1, 2)])
def test_figure_6_has_an_axis_for_each_number_of_layers(n_more, n_panels):
    layers = LAYERS | {REDUCED: [*LAYERS[REDUCED], *["fc"] * n_more]}
    figure = figure6(recognition(), OTHER, layers, STYLES, 0.05)
    assert len(figure.axes) == n_panels
    curves = [line for axes in figure.axes for line in axes.get_legend_handles_labels()[1]]
    assert curves == ["Words, aliased (small)", "Words (small)"]


@pytest.mark.parametrize("band", [30, 80])
def test_a_tone_is_a_dark_line_at_its_frequency(band):
    config = CochleagramConfig(n_samples=20_000, sample_factor=2)
    peak_hz = filterbank(config)[band].argmax()  # bins of a one-second sound are 1 Hz apart
    t = np.arange(20_000) / 20_000
    picture = cochleagram_picture(np.sin(2 * np.pi * peak_hz * t), config)
    assert picture.shape == (config.n_bands, config.n_frames) and picture.dtype == np.uint8
    darkest = config.n_bands - 1 - picture.mean(axis=1).argmin()  # low frequencies at the bottom
    assert abs(darkest - band) <= 1 and picture.min() == 0
