#!/usr/bin/env python3
"""What streaming costs a training step, and what memory it saves: the same runs on jets that lie in
memory and on jets that pass by.

    tests/bench/streaming.py build/jetnae --jets 60000 --repeat 5

Rounds of both, one after the other. A step's time is the shortest mean over an epoch that any round
had (on a busy machine the others measure who else was there); its CPU time the median over rounds
of what all ranks and their readers used, start-up taken off by a shorter run. Prints CSV; `ratio`
is streamed over in memory.
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
BATCH, BLOCK, WINDOW = 256, 1024, 4


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("jetnae", type=pathlib.Path)
    parser.add_argument("--configs", default="jets-dense,jets-conv")
    parser.add_argument("--jets", type=int, default=60000)
    parser.add_argument("--ranks", default="1,2", help="separated by commas")
    parser.add_argument("--layouts", default="jets,pixels", help="of the lean file: jets, pixels")
    parser.add_argument("--epochs", type=int, default=3, help="of the longer run")
    parser.add_argument("--repeat", type=int, default=5, help="rounds")
    return parser.parse_args()


def call(command):
    """The finished program's standard error, CPU seconds, and most memory of a process in MB."""
    before = os.times()
    with tempfile.TemporaryFile("w+") as text:
        process = subprocess.Popen([str(w) for w in command], stdout=subprocess.DEVNULL,
                                   stderr=text)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        text.seek(0)
        said = text.read()
    if status:
        sys.exit(said)
    after = os.times()
    cpu = after.children_user - before.children_user
    return said, cpu + after.children_system - before.children_system, usage.ru_maxrss / 1024


def make(args, layout, folder):
    jets, out = folder / "jets.h5", folder / f"{layout}.h5"
    if not jets.exists():
        call([args.jetnae, "generate", f"generate.jets={args.jets}", f"out={jets}"])
    if layout == "pixels":
        call([args.jetnae, "prepare", ROOT / "configs/jets-conv.yaml", f"data.input={jets}",
              "prepare.layout=pixels", f"out={out}"])
    return out


def train(args, config, path, ranks, memory_gb, epochs, out):
    """Seconds of a step in each epoch, CPU seconds, memory in MB."""
    steps = (args.jets - BATCH) // BATCH
    command = [ROOT / "jobs/mpi", ranks] if ranks > 1 else []
    command += [args.jetnae, "train", ROOT / f"configs/{config}.yaml", f"data.input={path}"]
    options = {
        "data.source": "auto", "data.normal": "all", "data.train_limit": "all",
        "data.valid_limit": 16, "data.valid_fraction": 0.001, "data.block": BLOCK,
        "data.window": WINDOW, "data.memory_gb": memory_gb, "train.batch": BATCH, "threads": 1,
        "train.ae_epochs": epochs, "train.steps": steps * epochs, "log.steps": steps,
        "train.checkpoint_minutes": 0, "watchdog.minutes": 0, "out": out,
    }
    said, cpu, memory = call(command + [f"{key}={value}" for key, value in options.items()])
    if ("streamed" in said) != (memory_gb < 1):
        sys.exit(f"not streamed, or streamed, as it should be\n{said}")
    with open(f"{out}/log.csv", encoding="ascii") as text:
        speed = [float(row["time_samples_per_s"]) for row in csv.DictReader(text)]
    shutil.rmtree(out)
    return [BATCH / s for s in speed], cpu, memory


def compare(args, config, path, ranks, small_gb, folder):
    """For memory and stream: (shortest step, CPU seconds of a step, memory)."""
    limits = {"memory": 64, "stream": small_gb}
    wall, cpu, memory = ({how: [] for how in limits} for _ in range(3))
    steps = (args.jets - BATCH) // BATCH * (args.epochs - 1)
    for _ in range(args.repeat):
        for how, limit in limits.items():
            _, short, _ = train(args, config, path, ranks, limit, 1, folder / "run")
            step, long, most = train(args, config, path, ranks, limit, args.epochs, folder / "run")
            wall[how] += step
            cpu[how].append((long - short) / steps)
            memory[how].append(most)
    return {h: (min(wall[h]), statistics.median(cpu[h]), max(memory[h])) for h in limits}


def main():
    args = arguments()
    writer = csv.writer(sys.stdout)
    writer.writerow("config,layout,ranks,limit_mb,memory_mb,streamed_mb,step_ms,streamed_ms,ratio,"
                    "cpu_ms,streamed_cpu_ms,cpu_ratio".split(","))
    room = 1600 * 4 * (2 * BLOCK * WINDOW + 200) + 24 * args.jets  # bytes
    small_gb = round(1.02e-9 * room, 4)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for layout in args.layouts.split(","):
            path = make(args, layout, folder)
            for config in args.configs.split(","):
                for ranks in map(int, args.ranks.split(",")):
                    found = compare(args, config, path, ranks, small_gb, folder)
                    (step, cpu, most), (step2, cpu2, most2) = found.values()
                    writer.writerow([
                        config, layout, ranks, f"{1e3 * small_gb:.0f}", f"{most:.0f}",
                        f"{most2:.0f}", f"{1e3 * step:.4g}", f"{1e3 * step2:.4g}",
                        f"{step2 / step:.3f}", f"{1e3 * cpu:.4g}", f"{1e3 * cpu2:.4g}",
                        f"{cpu2 / cpu:.3f}"])
                    sys.stdout.flush()


if __name__ == "__main__":
    main()
