"""What the runs amount to: medians with lowest and highest, and ratios of runs of the same repeat."""

import statistics
from dataclasses import dataclass

from servers import FLOOR, REFERENCE


@dataclass(frozen=True)
class Spread:
    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values):
        values = list(values)
        return cls(statistics.median(values), min(values), max(values)) if values else None


class Figures:
    """The runs of one load."""

    def __init__(self, results, load):
        self.load = load
        self.runs = results["runs"].get(load.name, {})
        self.failed = results["failed"].get(load.name, {})
        self.kinds = {name: about["kind"] for name, about in results["servers"].items()}
        # Ours first, then the cheapest first, the floor last.
        self.servers = sorted(self.runs, key=lambda name: (self.rank(name), self.cost(name).median))

    def rank(self, name):
        return {"duplex": 0, "peer": 1, "floor": 2}[self.kinds[name]] if name != REFERENCE else -1

    def spread(self, name, key):
        return Spread.of(run[key] for run in self.runs[name] if key in run)

    def cost(self, name):
        return self.spread(name, self.load.cost)

    def rate(self, name):
        return self.spread(name, self.load.rate)

    def ratio(self, above, below):
        """Cost of one server over that of another: they ran one after the other in each repeat."""
        if above not in self.runs or below not in self.runs:
            return None
        by_repeat = {run["repeat"]: run[self.load.cost] for run in self.runs[below]}
        pairs = ((run[self.load.cost], by_repeat.get(run["repeat"])) for run in self.runs[above])
        return Spread.of(cost / other for cost, other in pairs if other)

    def over_floor(self, name):
        return None if name == FLOOR else self.ratio(name, FLOOR)

    def duplex_ahead(self, name):
        """Messages per second of server CPU of Duplex over those of this server."""
        return None if name in (REFERENCE, FLOOR) else self.ratio(name, REFERENCE)

    def disturbed(self, name):
        return sum(run.get("disturbed", False) for run in self.runs[name])

    def lost(self, name):
        return sum(run.get("lost", 0) for run in self.runs[name])
