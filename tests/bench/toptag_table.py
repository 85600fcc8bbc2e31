#!/usr/bin/env python3
"""Train and test the autoencoders of configs/ on top-tagging files, in both directions.

    ./toptag_table.py build/jetnae DATA OUT --row ae nae --seed 1 2 3 --prefix 'taskset -c 1'

DATA holds train.h5, val.h5 and test.h5 of the published layout; run directories go to OUT.
Direct is trained on QCD jets and finds tops, inverse the other way round. test.h5 is read once a
model, after everything is chosen. What is finished already is not done again, so an interrupted
table goes on. Each row gives mean and spread over seeds; core-hours are processor time of
training, start and reading included, so other load on the machine hardly changes them. E-/E+ is
that of the last 10 log rows, accepted the share of proposals of a latent chain that rejects.

Rows mean and features-mean train nothing (h5py, NumPy): the energy is the squared distance to
the mean of normal images, or of observables in units of their deviations. They say how much of a
network's AUC is owed to the data alone.
"""
import argparse
import csv
import json
import pathlib
import re
import resource
import shlex
import statistics
import subprocess

CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "configs"
BROAD = ["data.smooth=6", "data.power=0.25"]
ROWS = {  # name: configuration and options
    "mean": ["jets-pca.yaml", "pca.components=1", "data.smooth=6"],
    "pca-2": ["jets-pca.yaml", "pca.components=2", *BROAD],
    "pca-20": ["jets-pca.yaml"],
    "dense": ["jets-dense.yaml", "train.ae_epochs=25"],  # 100, as published, take 7 core-minutes
    "conv": ["jets-conv.yaml", "data.train_limit=20000", "train.ae_epochs=20"],
    # The NAE's network and images without its second phase, and with as many epochs in all.
    "ae": ["jets-nae.yaml", "train.nae_epochs=0"],
    "ae-longer": ["jets-nae.yaml", "train.nae_epochs=0", "train.ae_epochs=27"],
    "nae": ["jets-nae.yaml"],
    "features-mean": ["jets-features.yaml", "objective=pca", "pca.components=1"],
    "features-ae": ["jets-features.yaml"],
    "features-ae-longer": ["jets-features-nae.yaml", "train.nae_epochs=0", "train.ae_epochs=7"],
    "features-nae": ["jets-features-nae.yaml"],
}
# Rows whose model only prepares samples for the distance to their mean.
MEANS = ("mean", "features-mean")
SEEDLESS = (*MEANS, "pca-2", "pca-20")
DIRECTIONS = {"direct": 0, "inverse": 1}
METRICS = re.compile(r"AUC (\S+) .*1/eps_B\(0\.3\) [=>] (\S+)")  # >: no normal row is left


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def call(command, log):
    with open(log, "a") as out:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=out, text=True)
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)}: exit {done.returncode}, see {log}")
    return done.stdout


def train(args, row, direction, seed, run, log):
    """Processor seconds of one training into the directory run."""
    config, *options = ROWS[row]
    before = processor_seconds()
    call(args.jetnae + ["train", str(CONFIGS / config), f"data.input={args.data}/train.h5",
                        f"data.valid={args.data}/val.h5", f"out={run}", "threads=1",
                        f"seed={seed}", f"data.normal={DIRECTIONS[direction]}"] + options, log)
    return processor_seconds() - before


def score(args, run, log):
    """AUC and 1/eps_B(0.3) of a trained model on test.h5."""
    text = call(args.jetnae + ["score", str(run), f"data.input={args.data}/test.h5",
                               "threads=1"], log)
    auc, rejection = METRICS.search(text).groups()
    return float(auc), float(rejection)


def samples(args, run, name, limit, log):
    """What the network of run sees of a file, [N, d], and labels [N]."""
    import h5py
    path = run / f"{name}-input.h5"
    call(args.jetnae + ["reconstruct", str(run), f"data.input={args.data}/{name}.h5",
                        f"out={path}", "reconstruct.input=true", "threads=1",
                        f"data.limit={limit}"], log)
    with h5py.File(path) as file:
        x, label = file["input"][:], file["label"][:]
    path.unlink()
    return x.reshape(len(x), -1), label


def distance_to_mean(args, row, direction, run, log):
    """AUC and 1/eps_B(0.3) of the distance to the mean, and the seconds that the mean took."""
    import numpy
    before = processor_seconds()
    x, label = samples(args, run, "train", 20000, log)
    normal = x[label == DIRECTIONS[direction]]
    mean = normal.mean(axis=0)
    unit = normal.std(axis=0) if row == "features-mean" else 1
    seconds = processor_seconds() - before
    x, label = samples(args, run, "test", 0, log)
    energy = (((x - mean) / unit) ** 2).sum(axis=1)
    anomalous = label != DIRECTIONS[direction]
    ranks = numpy.empty(len(energy))
    ranks[energy.argsort()] = numpy.arange(1, len(energy) + 1)
    found, rest = anomalous.sum(), (~anomalous).sum()
    auc = (ranks[anomalous].sum() - found * (found + 1) / 2) / (found * rest)
    passed = (energy[~anomalous] > numpy.quantile(energy[anomalous], 0.7)).mean()
    return float(auc), float(1 / max(passed, 1 / rest)), seconds


def health(run):
    """E-/E+ and the accepted share over the last log rows of a run; None without negatives."""
    log = run / "log.csv"
    rows = list(csv.DictReader(log.open())) if log.exists() else []
    values = []
    for name in ("e_ratio", "z_accepted"):
        seen = [float(row[name]) for row in rows if row.get(name)][-10:]
        values.append(statistics.mean(seen) if seen else None)
    return values


def measure(args, row, direction, seed):
    """AUC, 1/eps_B(0.3), processor seconds, E-/E+ and acceptance; trains what is not trained."""
    run = args.out / f"{row}-{direction}-{seed}"
    result = run / "table.json"
    if result.exists():
        return json.loads(result.read_text())
    log = args.out / f"{run.name}.log"
    seconds = train(args, row, direction, seed, run, log)
    if row in MEANS:
        auc, rejection, seconds = distance_to_mean(args, row, direction, run, log)
    else:
        auc, rejection = score(args, run, log)
    values = [auc, rejection, seconds, *health(run)]
    result.write_text(json.dumps(values))
    print(f"{run.name}: AUC {auc:.4f}, 1/eps_B(0.3) {rejection:.4g}, {seconds:.0f} s",
          flush=True)
    return values


def mean_text(values, digits):
    if None in values:
        return "-"
    mean = statistics.mean(values)
    spread = f" +- {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean:.{digits}f}{spread}"


def table_line(args, row):
    seeds = args.seed[:1] if row in SEEDLESS else args.seed
    cells = []
    for direction in DIRECTIONS:
        found = [measure(args, row, direction, seed) for seed in seeds]
        auc, rejection, seconds, ratio, accepted = zip(*found)
        hours = statistics.mean(seconds) / 3600
        cells += [mean_text(auc, 4), mean_text(rejection, 0), f"{hours:.4f}",
                  mean_text(ratio, 2), mean_text(accepted, 2)]
    return "| " + " | ".join([row, str(len(seeds))] + cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("jetnae", help="the program, and with --prefix what goes before it")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--row", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--seed", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--prefix", default="", help="before each command: taskset -c 1")
    args = parser.parse_args()
    args.jetnae = shlex.split(args.prefix) + [str(pathlib.Path(args.jetnae).resolve())]
    args.out.mkdir(parents=True, exist_ok=True)
    lines = [table_line(args, row) for row in args.row]
    columns = " | ".join(f"{name} AUC | 1/eps_B(0.3) | core-hours | E-/E+ | accepted"
                         for name in DIRECTIONS)
    print(f"| model | seeds | {columns} |\n" + "| --- " * 12 + "|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
