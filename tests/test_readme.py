"""The pages' examples run as they stand, but for the number of steps; their links lead on."""

import re
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from command_line import PROJECT
from PIL import Image

import model_metamers as mm

PACKAGE = re.compile(r"^(import|from) model_metamers\b", re.MULTILINE)
PAGES = ("README.md", "experiments/README.md", "model_metamers/README.md")
FILE = re.compile(r'"([\w/]+\.(?:wav|flac|png|jpg))"')


def code_blocks(text):
    """Return the fenced and the indented blocks of a page that import the package."""
    fenced = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    indented = re.findall(r"(?:^    .*\n(?:[ ]*\n(?=    ))*)+", text, re.MULTILINE)
    unindented = [re.sub(r"^    ", "", block, flags=re.MULTILINE) for block in indented]
    return [block for block in fenced + unindented if PACKAGE.search(block)]


def write_stimulus(path):
    """Write noise as a sound of one second or as a picture of 256 px."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    if path.suffix in (".wav", ".flac"):
        soundfile.write(path, 0.1 * rng.standard_normal(16_000), 16_000)
    else:
        Image.fromarray(rng.integers(0, 256, (256, 256, 3), np.uint8)).save(path)


@pytest.mark.slow
def test_the_examples_run_one_after_the_other(tmp_path, monkeypatch):
    def briefly(network, layer, natural, config=mm.SynthesisConfig(), *arguments, **options):
        config = replace(config, iterations=5)
        return synthesize(network, layer, natural, config, *arguments, **options)

    synthesize = mm.synthesize
    monkeypatch.setattr(mm, "synthesize", briefly)
    monkeypatch.chdir(tmp_path)
    blocks = [block for page in PAGES for block in code_blocks((PROJECT / page).read_text())]
    assert len(blocks) >= 2
    namespace = {}
    for block in blocks:
        for name in FILE.findall(block):
            write_stimulus(tmp_path / name)
        namespace.pop("result", None)
        exec(compile(block, "page", "exec"), namespace)
        if "result" in namespace:
            assert np.isfinite(namespace["result"].metamers).all()
            assert (namespace["result"].losses[-1] < namespace["result"].losses[0]).all()


def test_blocks_of_either_kind_are_found():
    page = (
        "Text\n\n    import model_metamers as mm\n\n    x = 1\n    y = (1,\n         2)\n\n"
        "Text\n\n    pip install x\n\n```python\nfrom model_metamers import store\n```\n"
    )
    first = "import model_metamers as mm\n\nx = 1\ny = (1,\n     2)\n"
    assert code_blocks(page) == ["from model_metamers import store\n", first]


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_that_are_there(page):
    path = PROJECT / page
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text())
    assert links and not [link for link in links if not (path.parent / link).exists()]
