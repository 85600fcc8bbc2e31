#!/usr/bin/env python3
"""The training step on up to 1,024 simulated ranks: prints CSV, from which scaling.gp draws.

    meson setup build-sim -Dsimulate=true && meson compile -C build-sim
    tests/scaling/simulate.py build-sim/tests/scaling/libsimulate.so > simulated.csv
    gnuplot -e "data='simulated.csv'" tests/scaling/scaling.gp > scaling.svg

Needs SimGrid (Debian: libsimgrid-dev) and 9 GB for 1,024 ranks. The compute times are those of
README.md; fat-tree.xml describes the machine. Efficiency is the time of one core over that of
many and their number.
"""
import argparse
import csv
import pathlib
import subprocess
import sys
import tempfile
from typing import NamedTuple

HERE = pathlib.Path(__file__).resolve().parent
NODES, CORES = 32, 32  # of fat-tree.xml
LANES = 16

# The network's model without the corrections for Ethernet and TCP that SimGrid starts from.
NETWORK = {
    "smpi/host-speed": "1Gf", "smpi/simulate-computation": "no", "smpi/cpu-threshold": "1e-9",
    "smpi/bw-factor": "0:1", "smpi/lat-factor": "0:1", "network/TCP-gamma": "0",
    "smpi/coll-selector": "ompi",
}


class Case(NamedTuple):
    """Chains None: as many as the batch has samples; threads: cores that share a rank's tiles."""
    name: str
    batch: int
    chains: int = None
    threads: int = 1
    watchdog: int = 15  # minutes, 0: none


CASES = [
    Case("batch 2048", 2048),
    Case("batch 16384", 16384),
    Case("batch 65536", 65536),
    Case("batch 2048 chains 16384", 2048, chains=16384),
    Case("batch 2048 unwatched", 2048, watchdog=0),
    Case("batch 16384 unwatched", 16384, watchdog=0),
    Case("batch 16384 threads 32", 16384, threads=CORES),
]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("library", type=pathlib.Path, help="libsimulate.so")
    parser.add_argument("--leaf-ms", type=float, default=1.86, help="parameter pass of a tile")
    parser.add_argument("--chains-ms", type=float, default=78, help="chains of a tile")
    parser.add_argument("--rank-ms", type=float, default=0.74, help="of a step on any rank")
    parser.add_argument("--word-ns", type=float, default=0.25, help="addition of a word")
    parser.add_argument("--cores", default="1,16,64,128,256,1024", help="to simulate")
    parser.add_argument("--cases", default="", help="only those whose names hold this")
    return parser.parse_args()


def simulate(args, case, ranks, folder):
    """Lines of phase, ranks, batch, chains, seconds of a step, those in which rank 0 computes."""
    per_node = CORES // case.threads
    hosts = pathlib.Path(folder) / "hosts"
    hosts.write_text("".join(f"node-{rank // per_node}\n" for rank in range(ranks)))
    leaf, chains = args.leaf_ms * 1e-3 / case.threads, args.chains_ms * 1e-3 / case.threads
    command = ["smpirun", "-platform", HERE / "fat-tree.xml", "-hostfile", hosts,
               "-np", str(ranks), "--log=root.thres:critical"]
    command += [f"--cfg={key}:{value}" for key, value in NETWORK.items()]
    command += [args.library.resolve(), case.batch, case.chains or case.batch, leaf, chains,
                args.rank_ms * 1e-3, args.word_ns * 1e-9, 1, case.watchdog]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=False)
    if done.returncode or not done.stdout:  # an abort in the simulation ends smpirun with 0
        sys.exit(done.stderr)
    return list(csv.reader(done.stdout.splitlines()))


def sweep(args, case, writer, folder):
    """One core first: with it the others are compared."""
    alone = {}
    for cores in sorted({1, *map(int, args.cores.split(","))}):
        if 1 < cores < case.threads:
            continue
        layout = case if cores > 1 else case._replace(threads=1)
        for row in simulate(args, layout, cores // layout.threads, folder):
            phase, ranks, batch, chains = row[:4]
            step, compute = float(row[4]), float(row[5])
            one = alone.setdefault(phase, step)
            writer.writerow([case.name, phase, cores, ranks, batch, chains, f"{step:.5g}",
                             f"{compute:.5g}", f"{step - compute:.3g}",
                             f"{case.batch / step:.4g}", f"{one / step / cores:.4f}"])
        sys.stdout.flush()


def main():
    args = arguments()
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow("case,phase,cores,ranks,batch,chains,step_s,compute_s,reduction_s,"
                    "samples_per_s,efficiency".split(","))
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            if args.cases in case.name:
                sweep(args, case, writer, folder)


if __name__ == "__main__":
    main()
