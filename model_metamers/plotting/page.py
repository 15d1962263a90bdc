"""A page laid out in millimetres, two columns of a journal wide."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from model_metamers.plotting.style import MM_PER_INCH, NOTE_COLOUR, WIDTH_MM

LEFT_MM = 11.0  # for the labels of rows and of vertical axes


class Page:
    """A figure laid out in millimetres from the top left corner."""

    def __init__(self, height_mm: float):
        self.height_mm = height_mm
        self.figure = Figure(figsize=(WIDTH_MM / MM_PER_INCH, height_mm / MM_PER_INCH))

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Return new axes of a place and size."""
        bottom = 1 - (top + height) / self.height_mm
        return self.figure.add_axes(
            (left / WIDTH_MM, bottom, width / WIDTH_MM, height / self.height_mm)
        )

    def heading(self, letter: str, text: str, top: float) -> None:
        """Write a panel's letter at the edge and its heading where the axes start."""
        y = 1 - (top + 4) / self.height_mm
        self.figure.text(0.004, y, letter, size=10, weight="bold")
        self.figure.text(LEFT_MM / WIDTH_MM, y, text, size=7.5)

    def note(self, text: str, top: float) -> None:
        """Write small at the right edge."""
        y = 1 - top / self.height_mm
        self.figure.text(0.994, y, text, size=6, color=NOTE_COLOUR, ha="right", va="top")
