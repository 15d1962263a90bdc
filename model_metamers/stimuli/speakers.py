"""Who speaks in a recording, as far as its name tells.

Source: README.md of Speech Commands v2 (Pete Warden, Google): the first part of a file's name is
the speaker, "022cd682_nohash_0.wav".
"""

import re

_NAME = re.compile(r"(?:^|_)([0-9a-f]{8})_nohash_\d+$")


def speaker_of(stimulus_id: str) -> str:
    """Return the speaker in a recording of Speech Commands; of any other, the recording itself.

    Args:
        stimulus_id: the file's name without its ending, perhaps with its word in front:
            "yes_022cd682_nohash_0".
    """
    match = _NAME.search(stimulus_id)
    return match[1] if match else stimulus_id
