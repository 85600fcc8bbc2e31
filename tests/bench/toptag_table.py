#!/usr/bin/env python3
"""Train and test the autoencoders of configs/ on top-tagging files, in both directions.

    ./toptag_table.py build/jetnae DATA OUT --row ae nae --seed 1 2 3 --prefix 'taskset -c 1'

DATA holds train.h5, val.h5 and test.h5 of the published layout; run directories go to OUT. Direct
is trained on QCD jets and finds tops, inverse the other way round. test.h5 is read once a model,
after everything is chosen. What is finished already is not done again, so an interrupted table
goes on. Each row gives mean and spread over seeds; core-hours are processor time of training,
start and reading included, so other load on the machine hardly changes them.
"""
import argparse
import json
import pathlib
import re
import resource
import shlex
import statistics
import subprocess

CONFIGS = pathlib.Path(__file__).resolve().parents[2] / "configs"
ROWS = {  # name: configuration and options
    "dense": ["jets-dense.yaml"],
    "conv": ["jets-conv.yaml", "data.train_limit=20000", "train.ae_epochs=20"],
    # The NAE's network and images without its second phase, and with as many epochs in all.
    "ae": ["jets-nae.yaml", "train.nae_epochs=0"],
    "ae-longer": ["jets-nae.yaml", "train.nae_epochs=0", "train.ae_epochs=33"],
    "nae": ["jets-nae.yaml"],
}
DIRECTIONS = {"direct": 0, "inverse": 1}
METRICS = re.compile(r"AUC (\S+) .*1/eps_B\(0\.3\) = (> )?(\S+)")


def processor_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def call(command, log):
    with open(log, "a") as out:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=out, text=True)
    if done.returncode:
        raise SystemExit(f"{shlex.join(command)}: exit {done.returncode}, see {log}")
    return done.stdout


def measure(args, row, direction, seed):
    """AUC, 1/eps_B(0.3) and processor seconds of one model, trained unless that is done."""
    run = args.out / f"{row}-{direction}-{seed}"
    result = run / "table.json"
    if result.exists():
        return json.loads(result.read_text())
    config, *options = ROWS[row]
    jetnae = shlex.split(args.prefix) + [args.jetnae]
    log = args.out / f"{run.name}.log"
    before = processor_seconds()
    call(jetnae + ["train", str(CONFIGS / config), f"data.input={args.data}/train.h5",
                   f"data.valid={args.data}/val.h5", f"out={run}", "threads=1", f"seed={seed}",
                   f"data.normal={DIRECTIONS[direction]}"] + options, log)
    seconds = processor_seconds() - before
    text = call(jetnae + ["score", str(run), f"data.input={args.data}/test.h5", "threads=1"], log)
    auc, above, rejection = METRICS.search(text).groups()
    values = [float(auc), float(rejection), seconds]
    result.write_text(json.dumps(values))
    print(f"{run.name}: AUC {auc}, 1/eps_B(0.3) {above or ''}{rejection}, {seconds:.0f} s",
          flush=True)
    return values


def mean_text(values, digits):
    mean = statistics.mean(values)
    spread = f" +- {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean:.{digits}f}{spread}"


def table_line(args, row):
    cells = []
    for direction in DIRECTIONS:
        found = [measure(args, row, direction, seed) for seed in args.seed]
        auc, rejection, seconds = zip(*found)
        hours = statistics.mean(seconds) / 3600
        cells += [mean_text(auc, 4), mean_text(rejection, 0), f"{hours:.3f}"]
    return "| " + " | ".join([row, str(len(args.seed))] + cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("jetnae", type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--row", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--seed", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--prefix", default="", help="before each command: taskset -c 1")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    lines = [table_line(args, row) for row in args.row]
    columns = " | ".join(f"{name} AUC | 1/eps_B(0.3) | core-hours" for name in DIRECTIONS)
    print(f"| model | seeds | {columns} |\n" + "| --- " * 8 + "|")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
