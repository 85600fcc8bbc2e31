#!/usr/bin/env python3
"""`jetnae report` and `jetnae watch`: the page of a small run, its numbers against those of the
scores, several runs, and directories with something missing or cut.

Usage: test_report.py BINARY CONTENTS SOURCE_ROOT
"""

import csv
import pathlib
import shutil
import sys

BINARY, CONTENTS, ROOT = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
sys.path.insert(0, str(ROOT / "tests/e2e"))
import subprocess  # noqa: E402

from harness import Failures, run, scratch  # noqa: E402

TOY = ["data.source=toy", "data.toy_seed=2", "data.toy_jets=600"]


def column(path, name):
    done = subprocess.run([CONTENTS, path, name], capture_output=True, text=True, check=True)
    return [float.fromhex(v) for v in done.stdout.split()]


def curves(path):
    """Points by name of the curve, as any CSV reader gives them."""
    found = {}
    with open(path, newline="") as file:
        rows = csv.reader(line for line in file if line.strip())
        next(rows)
        for name, x, y, *_ in rows:
            found.setdefault(name, []).append((float(x), float(y)))
    return found


def check_roc(failures, out):
    """Each point: the shares of both classes above one threshold; and the area is the AUC."""
    scored = list(zip(column(out / "scores.h5", "/energy"), column(out / "scores.h5", "/label")))
    total = [sum(label == c for _, label in scored) for c in (0, 1)]
    steps, above = {(0.0, 0.0)}, [0, 0]
    for _, label in sorted(scored, reverse=True):
        above[int(label)] += 1
        steps.add((above[0] / total[0], above[1] / total[1]))
    points = curves(out / "report/scores-roc.csv")[out.name]
    wrong = [
        p for p in points if not any(abs(p[0] - s[0]) + abs(p[1] - s[1]) < 2e-9 for s in steps)
    ]
    failures.check(len(points) > 50 and not wrong, f"ROC points of no threshold: {wrong[:3]}")
    background = [e for e, label in scored if label == 0]
    auc = sum(
        (e > b) + (e == b) / 2 for e, label in scored if label == 1 for b in background
    ) / (total[0] * total[1])
    page = (out / "report.html").read_text()
    failures.check(f">{auc:.4f} &plusmn;" in page, f"AUC {auc:.4f} is not on the page")


def check_log(failures, out):
    with open(out / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    found = curves(out / "report/training-energy.csv")
    for name, key in (("E+", "e_plus"), ("E-", "e_minus")):
        want = [(float(r["step"]), float(r[key])) for r in rows if r[key]]
        close = len(want) == len(found[name]) and all(
            a[0] == b[0] and abs(a[1] - b[1]) <= 1e-8 * abs(b[1])
            for a, b in zip(found[name], want)
        )
        failures.check(close, f"{name} of the page is not that of the log")


def check_page(failures, out, plots):
    page = (out / "report.html").read_text()
    failures.check(len(page) < 5e6, f"{len(page)} bytes")
    failures.check(page.count("<svg") == page.count("</svg>") == len(plots), "plots in the page")
    failures.check("http" not in page.replace("http://www.w3.org", ""), "asks for another file")
    for plot in plots:
        for end in ("svg", "pdf", "csv"):
            file = out / "report" / f"{plot}.{end}"
            failures.check(file.is_file() and file.stat().st_size > 0, f"no {file.name}")


def plots_of(out):
    return sorted(p.stem for p in (out / "report").glob("*.csv"))


def refuse(failures, words, want, env=None):
    result = run(BINARY, *words, ranks=0, env=env)
    failures.check(result.code == 2 and want in result.err, f"wanted {want!r}:\n{result}")


def accept(failures, *words, ranks=0):
    result = run(BINARY, *words, ranks=ranks)
    failures.check(result.code == 0, result)
    return result


def whole(failures, out):
    accept(failures, "train", ROOT / "configs/tiny.yaml", f"out={out}", "threads=1")
    for command in (["score"], ["reconstruct", "reconstruct.input=true"], ["encode"]):
        accept(failures, command[0], out, *TOY, *command[1:], "threads=1")
    accept(failures, "sample", out, "sample.count=16", "threads=1")
    accept(failures, "report", out)
    plots = plots_of(out)
    wanted = "training-energy chains-acceptance scores-energy scores-roc scores-rejection"
    wanted += " mass-score gallery-best gallery-worst-difference samples codes"
    failures.check(set(wanted.split()) <= set(plots), f"plots {plots}")
    check_page(failures, out, plots)
    check_roc(failures, out)
    check_log(failures, out)


def watched(failures, out):
    result = accept(failures, "watch", out)
    failures.check(
        "step 30, NAE epoch 2.00 of 2" in result.out and "finished" in result.out, result
    )


def several(failures, out, folder):
    other = folder / "other"
    shutil.copytree(out, other)
    text = (other / "config.yaml").read_text()
    (other / "config.yaml").write_text(text.replace("  normal: 0", "  normal: 1"))
    refuse(failures, ["report", out, other], "want out=FOLDER")
    accept(failures, "report", out, other, f"out={folder / 'both'}", ranks=2)
    page = (folder / "both/report.html").read_text()
    failures.check("were not trained on the same" in page, "runs on other data are compared")
    found = curves(folder / "both/report/scores-roc.csv")
    failures.check({out.name, other.name} <= set(found), f"curves {list(found)}")


def path_without_gnuplot(folder):
    """What MPI looks for when it starts, and nothing else."""
    tools = folder / "tools"
    tools.mkdir()
    for name in ("orted", "prted", "ssh", "rsh", "sh"):
        if shutil.which(name):
            (tools / name).symlink_to(shutil.which(name))
    return {"PATH": str(tools)}


def damaged(failures, out, folder):
    half = folder / "half"
    half.mkdir()
    refuse(failures, ["report", half], "found nothing to report")
    refuse(failures, ["report", folder / "none"], "want a run directory")
    refuse(failures, ["watch", half], "config.yaml")
    log = (out / "log.csv").read_bytes()
    (half / "log.csv").write_bytes(log[: len(log) - 40])
    (half / "scores.h5").write_bytes((out / "scores.h5").read_bytes()[:1000])
    accept(failures, "report", half)
    page = (half / "report.html").read_text()
    failures.check("1 lines of the log are cut" in page, "a cut log is not called so")
    failures.check("Left out: " in page and "scores.h5" in page, "damaged scores are not told")
    check_page(failures, half, plots_of(half))
    refuse(failures, ["report", half], "found no gnuplot", env=path_without_gnuplot(folder))


# Runs made on purpose, and what the verdict calls them.
RUNS = {
    "healthy": ["objective=ae", "data.normal=1"],
    "diverged": ["train.nae_rate=3", "nae.gamma=0", "nae.x_noise=0.1"],
    "frozen": ["nae.x_noise=1e-12"],
    "collapsed": ["objective=ae", "train.ae_rate=1e-12"],
}


def judged(failures, folder):
    for word, options in RUNS.items():
        out = folder / word
        words = [ROOT / "configs/tiny.yaml", f"out={out}", "threads=1", "log.steps=1", *options]
        run(BINARY, "train", *words, ranks=0)
        result = accept(failures, "watch", out)
        failures.check(f"finished, {word}\n" in result.out, f"wanted {word}:\n{result}")


def main():
    failures = Failures()
    if not shutil.which("gnuplot"):
        print("skipped: no gnuplot")
        sys.exit(77)
    with scratch() as name:
        folder = pathlib.Path(name)
        out = folder / "tiny"
        whole(failures, out)
        watched(failures, out)
        several(failures, out, folder)
        damaged(failures, out, folder)
        judged(failures, folder)
    failures.finish()


main()
