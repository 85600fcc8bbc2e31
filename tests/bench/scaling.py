#!/usr/bin/env python3
"""Measure how `jetnae train` scales on this machine, on toy jets, with ranks and with threads:
strong (the same batch on more cores) and weak (the same batch per core).

    tests/bench/scaling.py build/jetnae --cores 1,2 --repeat 5
    tests/bench/scaling.py build/jetnae --phases nae --tiles 64 --steps 1    batch 2,048

A round runs every layout once; after all rounds a layout's step time is the shortest step that it
had (on a busy machine the other steps measure who else was there), and the CPU time of a step the
median over rounds of what all its ranks used together, start-up taken off by a shorter run.
Speed-up and efficiency compare with one core. Prints CSV.
"""
import argparse
import csv
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
LANES = 16


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("jetnae", type=pathlib.Path)
    parser.add_argument("--config", default=ROOT / "configs/jets-nae-published.yaml")
    parser.add_argument("--cores", default="1,2", help="how many, separated by commas")
    parser.add_argument("--tiles", type=int, default=2, help="tiles of 16 jets per core")
    parser.add_argument("--phases", default="ae,nae")
    parser.add_argument("--kinds", default="strong,weak")
    parser.add_argument("--steps", type=int, default=6, help="of a run of NAE, a tenth of AE's")
    parser.add_argument("--repeat", type=int, default=3, help="rounds")
    return parser.parse_args()


def layouts(cores, tiles, kinds):
    """(kind, ranks, threads, batch): all ranks, or one rank with threads."""
    most = max(cores)
    for kind in kinds.split(",") if most > 1 else ("alone",):
        for n in cores:
            batch = LANES * tiles * (n if kind == "weak" else most)
            for ranks, threads in dict.fromkeys([(n, 1), (1, n)]):
                yield kind, ranks, threads, batch


def run(args, layout, phase, steps, out):
    """Train; returns samples/s of each step and the CPU seconds of the whole run."""
    _, ranks, threads, batch = layout
    epochs = {"ae": 0, "nae": 0, phase: 1}
    options = {
        "data.source": "toy", "data.toy_jets": 4 * batch * (1 + steps),
        "data.train_limit": batch * steps,
        "data.valid_limit": LANES, "train.batch": batch, "nae.replay_slots": 5,
        "nae.replay_buffer": 0, "threads": threads, "log.steps": 1,
        "train.ae_epochs": epochs["ae"], "train.nae_epochs": epochs["nae"],
        "train.checkpoint_minutes": 0, "watchdog.minutes": 0, "out": out,
    }
    command = [ROOT / "jobs/mpi", str(ranks), args.jetnae, "train", args.config]
    command += [f"{key}={value}" for key, value in options.items()]
    before = os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = os.times()
    if done.returncode:
        sys.exit(done.stderr)
    with open(f"{out}/log.csv", encoding="ascii") as text:
        rows = [row for row in csv.DictReader(text) if row["phase"] == phase]
    shutil.rmtree(out)
    cpu = after.children_user - before.children_user
    cpu += after.children_system - before.children_system
    return [float(row["time_samples_per_s"]) for row in rows], cpu


def measure(args, phase, all_layouts):
    """(shortest step, CPU seconds of a step) for every layout."""
    steps = args.steps * (10 if phase == "ae" else 1)
    wall = {layout: [] for layout in all_layouts}
    cpu = {layout: [] for layout in all_layouts}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(args.repeat):
            for layout in all_layouts:
                _, few = run(args, layout, phase, 1, folder + "/run")
                speed, many = run(args, layout, phase, 1 + steps, folder + "/run")
                wall[layout] += [layout[3] / s for s in speed]
                cpu[layout].append((many - few) / steps)
    return {layout: (min(wall[layout]), statistics.median(cpu[layout])) for layout in all_layouts}


def main():
    args = arguments()
    cores = sorted({1, *map(int, args.cores.split(","))})
    all_layouts = list(layouts(cores, args.tiles, args.kinds))
    writer = csv.writer(sys.stdout)
    writer.writerow("phase,kind,ranks,threads,batch,step_s,cpu_s,samples_per_s,speed_up,"
                    "efficiency,cpu_efficiency".split(","))
    for phase in args.phases.split(","):
        result = measure(args, phase, all_layouts)
        base = {}
        for layout in all_layouts:
            kind, ranks, threads, batch = layout
            step, cpu = result[layout]
            one_step, one_cpu = base.setdefault(kind, (step / batch, cpu / batch))
            speed_up, work = one_step * batch / step, one_cpu * batch / cpu
            writer.writerow([phase, kind, ranks, threads, batch, f"{step:.4g}", f"{cpu:.4g}",
                             f"{batch / step:.0f}", f"{speed_up:.2f}",
                             f"{speed_up / ranks / threads:.2f}", f"{work:.2f}"])
            sys.stdout.flush()


if __name__ == "__main__":
    main()
