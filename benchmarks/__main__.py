"""`python -m benchmarks [--quick] [--json FILE]`: measure everything, print a table, write JSON."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from benchmarks import conditions, fanout, finished, gates, growth, load, parked, peers, restart, start_up, w3
from benchmarks.figures import Figure
from benchmarks.place import Place, progress, sync_ms
from benchmarks.sizes import FULL, QUICK, TINY
from benchmarks.table import heading, table

AREAS: Mapping[str, Callable[[Place], Iterator[Figure]]] = {
    "conditions": conditions.measured,
    "w3": w3.measured,
    "gates": gates.measured,
    "fanout": fanout.measured,
    "load": load.measured,
    "parked": parked.measured,
    "restart": restart.measured,
    "start_up": start_up.measured,
    "finished": finished.measured,
    "growth": growth.measured,
}


def main() -> None:
    asked = _arguments()
    sizes = TINY if asked.tiny else QUICK if asked.quick else FULL
    with tempfile.TemporaryDirectory(prefix="pointsman-bench-", dir=asked.dir) as folder:
        place = Place(Path(folder), sizes, asked.synchronous)
        print(heading(place, sync_ms(place.folder)), flush=True)
        figures = measured(place, asked.only or list(AREAS), with_peers=not asked.no_peers)
    print(f"\n{table(figures)}")
    if asked.json is not None:
        asked.json.write_text(json.dumps([one.as_json() for one in figures], indent=1) + "\n")


def measured(place: Place, areas: list[str], *, with_peers: bool = True) -> list[Figure]:
    """All figures of these areas, with the peers' values beside them."""
    figures: list[Figure] = []
    for area in areas:
        progress(area)
        figures += AREAS[area](place)
    values = peers.found(place) if with_peers else {}
    return [replace(one, peers=values.get(one.name, {})) for one in figures]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measure everything, beside the limit and the peers.")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions and smaller populations: two minutes")
    parser.add_argument("--tiny", action="store_true", help="everything once: shows that it runs, measures nothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--only", action="append", choices=AREAS, help="measure this area; may be given several times")
    parser.add_argument("--no-peers", action="store_true", help="leave the peers out")
    parser.add_argument("--synchronous", choices=("full", "normal"), default="full", help="SQLite's setting, for all")
    parser.add_argument("--dir", type=Path, help="a folder on the disk to be measured; left out: for temporary files")
    return parser.parse_args()


if __name__ == "__main__":
    main()
