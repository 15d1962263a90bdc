"""How large a file may be, or claim to be: what is beyond is refused before it takes memory.

A header of a few bytes can ask for terabytes. These limits lie well above what networks are shown
(images of some 300 pixels, sounds of two seconds), and low enough for an ordinary computer.
"""

MAX_PIXELS = 2**26  # 67 million; the cameras of phones and reflexes have 12 to 61
MAX_FRAMES = 2**25  # samples of one channel: 12 minutes at 44.1 kHz, 35 at 16 kHz
MAX_CHANNELS = 64  # microphone arrays and ambisonics of order 7
MIN_RATE_HZ, MAX_RATE_HZ = 1_000, 768_000  # below any speech; above recorders of bats (500 kHz)

# Weights and pieces hardly compress (by a tenth); their zeros, and small files, may.
_UNPACKED_FREE_BYTES = 2**25
_UNPACKED_PER_BYTE = 20


def unpacked_bytes(n_packed: int) -> int:
    """Return how many bytes a compressed file of `n_packed` bytes may unpack to."""
    return max(_UNPACKED_FREE_BYTES, _UNPACKED_PER_BYTE * n_packed)
