"""Real transforms there and back: Ritz's generated ones against MKL and FFTW (FFTW_MEASURE), one thread, one process.

Every pair is called from a compiled loop. All sides transform whole arrays; the last column is the pair that Ritz uses
for quadratic equations, which computes two thirds of the modes along every axis only.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import time
from argparse import Namespace
from collections.abc import Callable

import fft_libraries as libraries
from common import machine, options, pretty, write_row
from fft_libraries import Pair

from ritz.errors import MissingPackage

LINES = [128, 192, 256, 384, 512, 768, 1024, 1536, 2048]
SIZES = [*((n,) for n in LINES), (128, 128), (256, 256), (512, 512)]
PEERS = {"MKL": libraries.mkl_pair, "FFTW": libraries.fftw_pair}
LOWEST = {"MKL": 0.95}  # goals for every size, and for the geometric mean
MEAN = {"MKL": 1.15, "FFTW": 1.6}
BLOCK = 0.004  # seconds that are timed at a time
TOLERANCE = 2e-15  # times the number of digits that a sum of n numbers loses


def made(points: tuple[int, ...]) -> tuple[dict[str, Pair], list[str]]:
    """The pairs of all sides that there are, and what is amiss with the others."""
    pairs, missing = {"Ritz": libraries.ritz_pair(points, 1.0)}, []
    for name, make in PEERS.items():
        try:
            pairs[name] = make(points)
        except MissingPackage as error:
            missing.append(f"MISSING {name}: {error}")
    pairs["Ritz, two thirds"] = libraries.ritz_pair(points, 2 / 3)
    return pairs, missing


def seconds(run: Callable[[int], None], count: int) -> float:
    """Seconds a pair in a block of `count` pairs."""
    start = time.perf_counter()
    run(count)
    return (time.perf_counter() - start) / count


def timed(pairs: dict[str, Pair], turns: int) -> dict[str, list[float]]:
    """Seconds a pair, for every turn; the sides take turns in an order that rotates."""
    counts = {}
    for name, pair in pairs.items():
        pair.run(3)
        counts[name] = max(1, math.ceil(BLOCK / seconds(pair.run, 20)))
    walls: dict[str, list[float]] = {name: [] for name in pairs}
    names = list(pairs)
    for turn in range(turns):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            walls[name].append(seconds(pairs[name].run, counts[name]))
    return walls


def line(points: tuple[int, ...], walls: dict[str, list[float]], given: Namespace) -> dict[str, float]:
    """Print the row of one size; return the ratios."""
    title = " x ".join(map(str, points))
    ratios, text = {}, f"  {title:10} {pretty(statistics.median(walls['Ritz'])):>8}"
    for name, own in walls.items():
        all_ratios = [a / b for a, b in zip(own, walls["Ritz"])]
        ratios[name] = statistics.median(all_ratios)
        row = {"title": f"real pair {title}", "side": name, "unit": "pair", "seconds": statistics.median(own)}
        spread = {"spread": [min(all_ratios), max(all_ratios)], "turns": len(own), "machine": machine()}
        write_row(row | {"ratio": ratios[name]} | spread, given.json)
        if name != "Ritz":
            goal = f" {verdict(ratios[name], LOWEST[name])}" if name in LOWEST else ""
            text += f"   {name} {ratios[name]:.2f} ({min(all_ratios):.2f} to {max(all_ratios):.2f}){goal}"
    print(text)
    return ratios


def verdict(ratio: float, goal: float) -> str:
    """Whether a goal is met, in words."""
    return f"goal {goal:g}: {'met' if ratio >= goal else 'NOT MET'}"


def main() -> int:
    """Run the comparison; return the exit code."""
    given = options(__doc__ or "")
    known = [os.environ.get("RITZ_LIBRARIES"), *libraries.folders(given.peer_python.split(os.pathsep))]
    os.environ["RITZ_LIBRARIES"] = os.pathsep.join(filter(None, known))
    print("\nReal transforms, forward and inverse; seconds of Ritz, then time of the others over that of Ritz")
    fine, table = True, []
    for points in SIZES:
        pairs, missing = made(points)
        for name, pair in pairs.items():
            error, most = pair.error(), TOLERANCE * math.log2(math.prod(points))
            if error > most:
                print(f"  {points}: the answer of {name} is WRONG: error {error:.1e}, above {most:.1e}")
                fine = False
        if not given.check_only:
            table.append(line(points, timed(pairs, given.turns), given))
    print("\n".join(f"  {text}" for text in missing))
    for name in (name for name in PEERS if table and name in table[0]):
        ratios = [row[name] for row in table]
        mean = math.exp(statistics.fmean(map(math.log, ratios)))
        print(f"  geometric mean against {name}: {mean:.2f}   {verdict(mean, MEAN[name])}")
        fine = fine and mean >= MEAN[name] and min(ratios) >= LOWEST.get(name, 0.0)
    facts = machine()
    print(f"  {facts['cpu']}, {facts['cores']} cores, load {facts['load']}; {given.turns} turns; answers checked")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
