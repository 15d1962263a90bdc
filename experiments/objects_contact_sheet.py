"""Draw every class of rendered objects once: figures/objects_contact_sheet.png.

python experiments/objects_contact_sheet.py
"""

from pathlib import Path

from shared import script
from absl import flags
from PIL import Image

from model_metamers.stimuli.made.objects import contact_sheet

_OUTPUT = flags.DEFINE_string("output", "figures/objects_contact_sheet.png", "The picture.")
_SIZE_PX = flags.DEFINE_integer("size_px", 112, "Side of one image.", lower_bound=8)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of the renders.", lower_bound=0)


def main() -> None:
    """Render and write the sheet."""
    path = Path(_OUTPUT.value)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(contact_sheet(_SIZE_PX.value, _SEED.value)).save(path, optimize=True)
    print(f"wrote {path}")


if __name__ == "__main__":
    script.run(main)
