"""What the program costs before it does anything: import time, start to ready, memory at rest.

The aims are 150 MB and 3 s from the start to ready beside the sandbox's servers. A busy machine starts slower, so the
exit code is 1 only wildly beyond them: 300 MB, or 30 s in the best of the starts.

    python bench/footprint.py [--starts 3] [--rest 5]
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bot.sandbox.bot_process import ROOT
from bot.sandbox.world import World

MEMORY, READY = 150.0, 3.0
WILD_MEMORY, WILD_READY = 300.0, 30.0
"""MB and seconds."""
IMPORT = """
import time
wall, cpu = time.perf_counter(), time.process_time()
import bot.app
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


def import_seconds(times: int) -> tuple[float, float]:
    """The best of some imports of the whole program, each in an interpreter of its own: seconds, CPU seconds."""
    command = [sys.executable, "-c", IMPORT]
    runs = [subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True) for _ in range(times)]  # noqa: S603 - this interpreter and a constant
    walls, cpus = zip(*(map(float, run.stdout.split()) for run in runs), strict=True)
    return min(walls), min(cpus)


def resident_mb(pid: int) -> float:
    """Resident memory of a process in MB of 10^6 bytes; Linux only."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise RuntimeError("the process has no memory that can be read")


async def starts(times: int, rest: float) -> tuple[list[float], float]:
    """Seconds from each start to ready (/readyz), and MB at rest after the last one."""
    took = []
    memory = 0.0
    for number in range(times):
        with tempfile.TemporaryDirectory(prefix="fettle-footprint-") as folder:
            async with World(Path(folder)) as world:
                begun = time.monotonic()
                await world.bot.start(within=120)
                took.append(time.monotonic() - begun)
                if number == times - 1:
                    await world.slack_server.wait_connected(2, timeout=30)
                    await asyncio.sleep(rest)
                    memory = resident_mb(world.bot.pid)
    return took, memory


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--starts", type=int, default=3)
    parser.add_argument("--rest", type=float, default=5.0)
    asked = parser.parse_args()
    imported, cpu = import_seconds(asked.starts)
    took, memory = asyncio.run(starts(asked.starts, asked.rest))
    best = min(took)
    print(f"import bot.app      {imported:6.2f} s   best of {asked.starts}, {cpu:.2f} s of CPU")
    print(f"start to ready      {best:6.2f} s   best of {asked.starts}, worst {max(took):.2f} s (aim {READY:g} s)")
    print(f"memory at rest      {memory:6.0f} MB  resident (aim {MEMORY:g} MB)")
    missed = [words for words, bad in (("ready", best > READY), ("memory", memory > MEMORY)) if bad]
    print(f"missed: {', '.join(missed)}" if missed else "both aims are met")
    return int(best > WILD_READY or memory > WILD_MEMORY)


if __name__ == "__main__":
    raise SystemExit(main())
