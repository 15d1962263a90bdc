"""A gallery of one or more runs: every metamer beside its natural stimulus, on one page.

    python experiments/gallery.py runs/fig3_visual
    python experiments/gallery.py runs/fig3_visual runs/fig4_audio --output=both.html

Needs the tables and previews of the run folders, and no network. The page holds its pictures and
sounds, so that it can be opened from disk and sent to others; only its links to files of full size
need the folders.
"""

from pathlib import Path

from absl import flags

from shared import paths, script

flags.DEFINE_string("output", None, "Where the page goes [gallery.html in the first folder].")


def main(arguments: list[str]) -> None:
    """Write the page."""
    from model_metamers.gallery.page import FILENAME, write_gallery
    from model_metamers.store import RunFolder

    if not arguments:
        raise ValueError("name the run folders to show, as in: gallery.py runs/fig3_visual")
    if len({Path(name).resolve() for name in arguments}) < len(arguments):
        raise ValueError(f"name each run folder once; got {' '.join(arguments)}")
    folders = [RunFolder(name, create=False, flag="RUN") for name in arguments]
    output = paths.if_given(paths.output_file, "output") or Path(arguments[0], FILENAME)
    if output.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"--output={output} is no page; name a file that ends in .html")
    n_shown = write_gallery(folders, output)
    print(f"{output} shows {n_shown} metamers; open it in a browser")


if __name__ == "__main__":
    script.run_with_arguments(main)
