"""What a claim's tables say, and what a claim about it would have to be."""

from collections.abc import Callable
from dataclasses import dataclass

from model_metamers.analysis.claims.resampling import Estimate

SMALL = "small"


class NotMeasured(ValueError):
    """A table lacks the networks that a claim is about."""


@dataclass(frozen=True)
class Finding:
    """A measurement, and the value it would have to exceed or stay below.

    Attributes:
        statistic: what was computed.
        estimate: its value and interval.
        limit: where the claim draws the line.
        above: whether the whole interval has to lie above the limit, or else below it.
        detail: where in the table the claim fails most.
    """

    statistic: str
    estimate: Estimate
    limit: float
    above: bool
    detail: str = ""

    @property
    def holds(self) -> bool:
        """Return whether the interval lies on the claim's side of the limit."""
        low, high = self.estimate.low, self.estimate.high
        return low > self.limit if self.above else high < self.limit

    @property
    def criterion(self) -> str:
        """Where the whole interval has to lie: "above 0.95"."""
        return f"{'above' if self.above else 'below'} {self.limit:g}"

    @property
    def inclined(self) -> bool:
        """Return whether the value does, whatever the interval."""
        return (self.estimate.value > self.limit) == self.above

    def columns(self) -> dict[str, object]:
        """Return the measurement as columns of a table."""
        estimate = self.estimate
        return {
            "statistic": self.statistic,
            "value": estimate.value,
            "ci_low": estimate.low,
            "ci_high": estimate.high,
            "n": estimate.n,
            "resampled": estimate.resampled,
        }


@dataclass(frozen=True)
class Claim:
    """A claim of the paper, made measurable.

    Attributes:
        number: of the claim.
        part: which part of it, "" for the whole.
        statement: what would have to be true.
        sources: (experiment, table) pairs: what `measure` takes.
        measure: tables -> Finding.
        suspected: why we think it fails, where it does.
        run: which of our runs it is judged on: "small", or one of networks that others trained.
    """

    number: int
    part: str
    statement: str
    sources: tuple[tuple[str, str], ...]
    measure: Callable[..., Finding]
    suspected: str
    run: str = SMALL
