#!/usr/bin/env python3
"""`jetnae report` and `jetnae watch`: the page of a small run, its numbers against those of the
scores, several runs, and directories with something missing or cut.

Usage: test_report.py BINARY CONTENTS SOURCE_ROOT
"""

import csv
import json
import pathlib
import shutil
import sys
import time

BINARY, CONTENTS, ROOT = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
sys.path.insert(0, str(ROOT / "tests/e2e"))
import subprocess  # noqa: E402

from harness import Failures, finish, run, scratch, start  # noqa: E402

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


def picture(path):
    """Numbers of a picture, row by row."""
    rows = {}
    with open(path, newline="") as file:
        for cell in csv.DictReader(file):
            rows.setdefault(int(cell["row"]), []).append(float(cell["value"]))
    return [rows[r] for r in sorted(rows)]


def close(a, b, tolerance=1e-8):
    return len(a) == len(b) and all(abs(x - y) <= tolerance * max(1e-30, abs(y)) for x, y in zip(a, b))


def check_confusion(failures, out):
    """Both kinds of error are as frequent, and the shares are those of a cut on the energies."""
    (right, wrong), (missed, found) = picture(out / "report/scores-confusion.csv")
    scored = list(zip(column(out / "scores.h5", "/energy"), column(out / "scores.h5", "/label")))
    normal = sorted(e for e, label in scored if label == 0)
    anomalous = [e for e, label in scored if label == 1]
    failures.check(abs(right + wrong - 1) < 1e-6 and abs(missed + found - 1) < 1e-6, "shares")
    failures.check(abs(wrong - missed) < 3 / len(normal), f"errors {wrong}, {missed}")
    cut = normal[round(right * len(normal)) - 1]  # the last that is called normal
    share = sum(e <= cut for e in anomalous) / len(anomalous)
    failures.check(abs(share - missed) < 3 / len(normal), f"{missed} missed, want {share}")


def check_means(failures, out):
    """The means of both classes, of what goes in and of what comes out."""
    path = out / "reconstructions.h5"
    label = column(path, "/label")
    found = picture(out / "report/means.csv")
    for down, name in enumerate(("/input", "/reconstruction")):
        value = column(path, name)
        size = len(value) // len(label)
        for across in (0, 1):
            rows = [r for r, c in enumerate(label) if c == across]
            want = [sum(value[r * size + i] for r in rows) / len(rows) for i in range(size)]
            side = 8
            got = [
                v
                for row in found[down * (side + 1) : down * (side + 1) + side]
                for v in row[across * (side + 1) : across * (side + 1) + side]
            ]
            failures.check(close(got, want), f"mean image of {name}, class {across}")


def check_energies(failures, out):
    """What `score` says of the same rows: the held-out energies have the mean of the log's last."""
    with open(out / "log.csv", newline="") as file:
        want = float(list(csv.DictReader(file))[-1]["valid_e_plus"])
    valid = column(out / "energies.h5", "/valid")
    failures.check(close([sum(valid) / len(valid)], [want]), "energies of held-out samples")
    failures.check(len(column(out / "energies.h5", "/negative")) == 64, "energies of negatives")
    shares = curves(out / "report/training-energies.csv")
    wanted = {"training", "validation", "held-out anomalies", "negatives"}
    failures.check(set(shares) == wanted, f"sets {set(shares)}")
    for name, points in shares.items():
        failures.check(abs(sum(y for _, y in points) - 1) < 1e-6, f"{name} does not sum to 1")


def check_map(failures, out):
    """Two discs with an energy in each of their pixels, nothing beside them."""
    cells = [v for row in picture(out / "report/codes-energy.csv") for v in row]
    there = [v for v in cells if v == v]
    share = len(there) / (2 * 48 * 48)
    failures.check(abs(share - 3.14159 / 4) < 0.01 and min(there) > 0, f"map: {share}")


def check_evidence(failures, out):
    accept(failures, "evidence", out, *TOY, "evidence.chains=32", "evidence.steps=4", "threads=1")
    said = json.loads((out / "evidence.json").read_text())
    for collapsed, trust in (True, "none"), (False, "none"), (False, "borderline"), (False, "good"):
        said.update(collapsed=collapsed, error_trust=trust)
        (out / "evidence.json").write_text(json.dumps(said))
        accept(failures, "report", out)
        page = (out / "report.html").read_text()
        failures.check(f">{said['log_omega']:.6g}" in page, "log Omega is not on the page")
        for words, want in (("weights have collapsed", collapsed),
                            ("log &Omega; is not to be trusted", trust == "none" and not collapsed),
                            (">may be too small<", trust == "borderline"),
                            (">can be trusted<", trust == "good")):
            failures.check((words in page) == want, f"{collapsed}, {trust}: {words!r} is {not want}")
        error = f"&plusmn; {said['log_omega_error']:.2g}<" in page
        failures.check(error != collapsed, f"an error of collapsed weights: {collapsed}")


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
    wanted += " mass-score gallery-best gallery-worst-difference samples codes training-energies"
    wanted += " means means-difference codes-energy walk scores-confusion training-explained"
    failures.check(set(wanted.split()) <= set(plots), f"plots {plots}")
    check_page(failures, out, plots)
    check_roc(failures, out)
    check_log(failures, out)
    check_confusion(failures, out)
    check_means(failures, out)
    check_energies(failures, out)
    check_map(failures, out)
    check_evidence(failures, out)


def watched(failures, out):
    result = accept(failures, "watch", out)
    failures.check(
        "step 30, NAE epoch 2.00 of 2" in result.out and "finished" in result.out, result
    )


def followed(failures, out, folder):
    """A run that is killed, goes on from an earlier step and ends."""
    there = folder / "followed"
    there.mkdir()
    shutil.copy(out / "config.yaml", there)
    lines = (out / "log.csv").read_text().splitlines(keepends=True)

    def show(rows, more=""):
        (there / "log.csv").write_text("".join(lines[: rows + 1]) + more)

    show(6, lines[7][:20])  # a row that is being written
    process = start(BINARY, "watch", there, ranks=0)
    time.sleep(3)
    show(3)
    time.sleep(3)
    show(8)
    time.sleep(3)
    shutil.copy(out / "provenance.json", there)  # of a run that has ended, whatever its last row
    result = finish(process)
    steps = [line.split(",")[0] for line in lines]
    back = f"back from step {steps[6]}: step {steps[3]}, "
    wanted = [f"step {steps[6]}, ", back, f"step {steps[8]}, ", ", finished, "]
    said = result.out.splitlines()
    good = result.code == 0 and all(any(w in line for line in said) for w in wanted)
    failures.check(good and len([line for line in said if "step " in line]) >= 3, result)


def short(failures, folder):
    """Shorter than a row, and an ensemble, which has no log of its own."""
    out = folder / "short"
    words = [ROOT / "configs/tiny.yaml", "threads=1", "log.steps=1000", "train.steps=2"]
    accept(failures, "train", *words, f"out={out}")
    result = accept(failures, "watch", out)
    failures.check("shorter than log.steps = 1000" in result.out, result)
    page = accept(failures, "report", out) and (out / "report.html").read_text()
    failures.check("no row of a log.csv yet" in page, "a log without rows is not told")
    both = folder / "ensemble"
    accept(failures, "train", *words[:2], "train.ae_epochs=2", f"out={both}", "ensemble=2")
    refuse(failures, ["watch", both], "want one of its members")
    accept(failures, "score", both, *TOY, "threads=1")
    accept(failures, "report", both)
    with open(both / "report/training-energy.csv", newline="") as file:
        bands = [row for row in csv.DictReader(file) if row["low"]]
    failures.check(
        bands and all(float(r["low"]) <= float(r["e_plus"]) <= float(r["high"]) for r in bands),
        "no band over the members of an ensemble",
    )
    for m in range(2, 40):
        (both / f"member-{m}").mkdir()
        shutil.copy(both / "member-1/log.csv", both / f"member-{m}")
    (both / "members").write_text("40\n")
    accept(failures, "report", both)
    page = (both / "report.html").read_text()
    told = sum(f"ensemble, member {m}: " in page for m in range(40))
    failures.check(told == 40, f"verdicts of {told} of 40 members")


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
    plots = plots_of(folder / "both")
    failures.check({"means-1", "means-2", "codes-energy-2"} <= set(plots), f"plots {plots}")
    check_page(failures, folder / "both", plots)
    shares = picture(folder / "both/report/scores-directions.csv")
    failures.check(all(abs(sum(row) - 1) < 1e-6 for row in shares), "direct against inverse")


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
    for name in ("model.h5", "reconstructions.h5", "energies.h5", "evidence.json"):
        whole_file = (out / name).read_bytes()
        (half / name).write_bytes(whole_file[: len(whole_file) // 2])
    accept(failures, "report", half)
    page = (half / "report.html").read_text()
    failures.check("1 lines of the log are cut" in page, "a cut log is not called so")
    for name in ("scores.h5", "model.h5", "reconstructions.h5", "energies.h5", "evidence.json"):
        told = f"Left out: {half / name}" in page
        failures.check(told, f"a damaged {name} is not told")
    check_page(failures, half, plots_of(half))
    refuse(failures, ["report", half], "found no gnuplot", env=path_without_gnuplot(folder))


# Runs made on purpose, each a second of training, and what the verdict calls them.
JETS = ["data.source=toy", "data.toy_jets=4000", "log.steps=5"]
OBSERVABLES = ["configs/jets-features-nae.yaml", *JETS]
TINY = ["configs/tiny.yaml", "log.steps=1"]
NO_CHAINS = ["nae.mode=on_manifold", "nae.z_steps=0", "nae.x_steps=0", "nae.replay_ratio=0"]
EXACT = ["nae.x_sampler=mala", "nae.x_bounded=false", "nae.x_step_size=auto"]
TRAINED = ["nae.temperature=trained", "nae.temperature_rate=0.02", "nae.warmup_steps=30"]
LONG = ["train.ae_epochs=20", "train.nae_epochs=20"]
RUNS = {
    "healthy": ["configs/jets-features.yaml", *JETS],
    "healthy with chains": [*OBSERVABLES, *EXACT, *TRAINED, *LONG, "train.nae_rate=3e-4"],
    "healthy without chains": [*OBSERVABLES, *NO_CHAINS, *LONG, "nae.temperature=1", "nae.gamma=0.1"]
    + ["net.spectral=false", "train.nae_rate=5e-3"],
    "doubtful without chains": [*OBSERVABLES, *NO_CHAINS, "nae.temperature=1", "nae.gamma=0.2"],
    "diverged": [*OBSERVABLES, "nae.gamma=0", "net.spectral=false", "train.nae_rate=3e-2"]
    + ["train.nae_epochs=20", "train.schedule=constant"],
    "frozen": [*OBSERVABLES, "nae.x_noise=1e-6"],
    "frozen in two spaces": [*TINY, "nae.x_noise=1e-12"],
    "collapsed": [*TINY, "objective=ae", "train.ae_rate=1e-12"],
    "collapsed to less than a mean": [*TINY, "objective=ae", "data.normal=1"],
}


def judged(failures, folder):
    for name, options in RUNS.items():
        word, out = name.split()[0], folder / name.replace(" ", "-")
        words = [ROOT / options[0], f"out={out}", "threads=1", *options[1:]]
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
        followed(failures, out, folder)
        short(failures, folder)
        several(failures, out, folder)
        damaged(failures, out, folder)
        judged(failures, folder)
    failures.finish()


main()
