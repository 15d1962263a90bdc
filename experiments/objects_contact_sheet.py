"""Draw every class of rendered objects once: figures/objects_contact_sheet.png.

    python experiments/objects_contact_sheet.py

The classes stand in order, two categories of four classes to a row.
"""

from absl import flags

from shared import paths, script

flags.DEFINE_string("output", "figures/objects_contact_sheet.png", "The picture.")
_SIZE_PX = flags.DEFINE_integer(
    "size_px", 112, "Side of one image.", lower_bound=8, upper_bound=1024
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "Seed of the renders.", lower_bound=0, upper_bound=2**31 - 1
)


def main() -> None:
    """Render and write the sheet."""
    output = paths.output_file("output")

    from PIL import Image

    from model_metamers.files import atomic_file
    from model_metamers.stimuli.made.objects import contact_sheet

    sheet = Image.fromarray(contact_sheet(_SIZE_PX.value, _SEED.value))
    with atomic_file(output) as file:
        sheet.save(file, format="PNG", optimize=True)
    print(f"wrote {output}")


if __name__ == "__main__":
    script.run(main)
