#!/usr/bin/env python3
"""The job scripts under a real Slurm: two virtual nodes on this machine, brought up by `up`.

Every test trains configs/tiny.yaml for longer, through jobs/train.sbatch or its sisters, disturbs it,
and compares what is left at the end with an undisturbed run of one rank, bit for bit. Needs root.

Usage: test_slurm.py BINARY CONTENTS SOURCE_ROOT [TEST ...]
"""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from harness import Failures, first_difference, ranks_in, results, run  # noqa: E402

LONGER = ["train.nae_epochs=300", "train.checkpoint_steps=50", "log.steps=50"]
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"}
PATIENCE_S = 240  # on a busy machine


class Wrong(Exception):
    """What a test found."""


def wait_for(what, condition):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.1)
    raise Wrong(f"waited {PATIENCE_S} s for {what}")


class Lab:
    """The cluster, the program, and a directory that all nodes share."""

    def __init__(self, binary, helper, source, folder):
        self.binary, self.helper, self.source = binary, helper, source
        self.folder, self.cluster = folder, folder / "lab"
        self.env = {**os.environ, "JETNAE": str(binary), "JETNAE_BIND": "none"}
        self.tiny = source / "configs/tiny.yaml"

    def up(self):
        subprocess.run(
            [HERE / "up", self.cluster],
            check=True,
            env={**self.env, "SLURM_LAB_MEM": "16000"},
            stdout=subprocess.DEVNULL,
        )
        text = self.call("bash", "-c", f". {self.cluster}/env.sh && env -0")
        self.env = dict(item.split("=", 1) for item in text.split("\0") if item)

    def down(self, *words):
        subprocess.run([HERE / "down", *words[:-1], self.cluster, *words[-1:]], check=False)

    def call(self, *words, check=True):
        done = subprocess.run(
            [str(w) for w in words],
            cwd=self.source,
            env=self.env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if check and done.returncode:
            raise Wrong(f"{' '.join(map(str, words))}: exit code {done.returncode}\n{done.stdout}")
        return done.stdout

    def submit(self, out, *words, options=(), script="train.sbatch"):
        """Returns the job's number."""
        text = self.call(
            "sbatch",
            "--parsable",
            f"--output={self.folder}/{out.name}.log",
            "--time=10",
            *options,
            f"jobs/{script}",
            *words,
        )
        return text.split(";")[0].strip()

    def train(self, out, *words, options=("-N2", "--ntasks-per-node=2", "-n4")):
        return self.submit(out, self.tiny, *LONGER, f"out={out}", *words, options=options)

    def job(self, number):
        """What Slurm says of a job: a dictionary."""
        text = self.call("scontrol", "show", "job", number, check=False)
        return dict(w.split("=", 1) for w in text.split() if "=" in w)

    def wait(self, number, out, state="COMPLETED", restarts=None):
        wait_for(
            f"the end of job {number}, {self.job(number).get('JobState')}\n{self.log(out)}",
            lambda: self.job(number).get("JobState") in ENDED,
        )
        found = self.job(number)
        if found["JobState"] != state:
            raise Wrong(f"found the job {found['JobState']}, want {state}\n{self.log(out)}")
        if restarts is not None and int(found["Restarts"]) < restarts:
            raise Wrong(
                f"found {found['Restarts']} restarts, want at least {restarts}\n{self.log(out)}"
            )

    def said(self, out):
        """All that the jobs of a run have written."""
        paths = sorted(self.folder.glob(f"{out.name}*.log"))
        return "\n".join(path.read_text(errors="replace") for path in paths)

    def log(self, out):
        """As much of it as a message shows."""
        return self.said(out)[-3000:]

    def started(self, out, step=50):
        """Wait until there is a checkpoint of this step or a later one."""
        wait_for(
            f"step {step} in {out}\n{self.log(out)}",
            lambda: any(
                int(path.name[5:17]) >= step for path in out.glob("checkpoints/step-*.h5")
            ),
        )

    def same(self, out, want):
        found = results(self.helper, out)
        for name in ("log.csv", "model.h5"):
            if found.get(name) != want[name]:
                difference = first_difference(found.get(name, []), want[name])
                raise Wrong(f"{out / name} differs: {difference}\n{self.log(out)}")


@contextlib.contextmanager
def mpirun_instead(lab):
    lab.env["JETNAE_LAUNCHER"] = "mpirun"
    yield
    del lab.env["JETNAE_LAUNCHER"]


def two_nodes_through_srun(lab, out, want):
    job = lab.train(out, "quiet=true")
    lab.wait(job, out)
    lab.same(out, want)
    text = (out / "provenance.json").read_text()
    if '"n1 x 2, n2 x 2"' not in text or f'"slurm_job": "{job}"' not in text:
        raise Wrong(f"hosts or job are not in the provenance\n{text}")


def two_nodes_through_mpirun(lab, out, want):
    with mpirun_instead(lab):
        job = lab.train(out)
    lab.started(out)
    lab.call("scancel", "--batch", "--signal=USR1", job)  # as Slurm does before the limit
    lab.wait(job, out, restarts=1)
    lab.same(out, want)


def stops_before_the_limit_until_done(lab, out, want):
    margin = 60 - 6  # seconds: the program has 6 of the 60, less what it took to start
    job = lab.train(
        out, f"stop.margin_minutes={margin / 60}", options=("-N2", "-n4", "--time=1")
    )
    lab.wait(job, out, restarts=1)
    lab.same(out, want)
    if "stopped at step" not in lab.said(out):
        raise Wrong(f"the run never stopped by itself\n{lab.log(out)}")


def requeued_by_an_administrator(lab, out, want):
    job = lab.train(out)
    lab.started(out)
    lab.call("scontrol", "requeue", job)
    lab.wait(job, out, restarts=1)
    lab.same(out, want)


def cancelled_and_submitted_again(lab, out, want):
    job = lab.train(out)
    lab.started(out)
    lab.call("scancel", job)
    lab.wait(job, out, state="CANCELLED")
    wait_for("the ranks' end", lambda: not ranks_in(out))
    if "stopped at step" not in lab.said(out):
        raise Wrong(f"no checkpoint when cancelled\n{lab.log(out)}")
    lab.wait(lab.train(out, options=("-N1", "-n3")), out)
    lab.same(out, want)


def a_killed_rank(lab, out, want):
    job = lab.train(out)
    lab.started(out)
    os.kill(ranks_in(out)[2], signal.SIGKILL)
    lab.wait(job, out, restarts=1)
    lab.same(out, want)


def a_node_taken_away(lab, out, want):
    job = lab.train(out)
    lab.started(out)
    lab.down("n2")
    lab.call("scontrol", "update", "nodename=n2", "state=down", "reason=gone")
    wait_for("the requeue", lambda: lab.job(job).get("Restarts") == "1")
    lab.up()
    lab.wait(job, out, restarts=1)
    lab.same(out, want)


def a_forgotten_twin(lab, out, want):
    """A node hangs, its job is started elsewhere, and then it wakes up."""
    with mpirun_instead(lab):
        job = lab.train(out, options=("-N1", "-n2", "-w", "n2"))
    lab.started(out)
    old = ranks_in(out)
    for process in old:
        os.kill(process, signal.SIGSTOP)
    lab.down("-d", "n2")
    lab.call("scontrol", "update", "nodename=n2", "state=down", "reason=lost")
    lab.call("scontrol", "update", f"jobid={job}", "reqnodelist=n1")
    wait_for("the new ranks", lambda: set(ranks_in(out)) - set(old))
    lab.started(out, step=200)
    if not set(old) <= set(ranks_in(out)):
        raise Wrong(f"somebody has killed the twin\n{lab.log(out)}")
    for process in old:
        os.kill(process, signal.SIGCONT)
    wait_for("the end of the old ranks", lambda: not set(old) & set(ranks_in(out)))
    lab.wait(job, out, restarts=1)
    lab.down("-r", "n2")
    lab.up()
    lab.same(out, want)
    if "another run has taken over" not in lab.said(out):
        raise Wrong(f"the twin was not stopped by the fence\n{lab.log(out)}")


def a_wrong_option_ends_at_once(lab, out, want):
    lab.wait(lab.train(out, "train.bacth=1"), out, state="FAILED")
    if lab.said(out).count("jetnae: ") != 1 or "train.batch" not in lab.said(out):
        raise Wrong(f"want one message\n{lab.log(out)}")


def an_array_and_its_collection(lab, out, want):
    scan = [lab.tiny, "scan.option=nae.gamma", "scan.values=0.05,0.1", f"out={out}"]
    options = ("-N1", "-n2", "--array=0-1")
    job = lab.submit(out, *scan, options=options, script="scan.sbatch")
    after = f"--dependency=afterok:{job}"
    job = lab.submit(out, *scan, options=("-N1", "-n2", after), script="scan.sbatch")
    lab.wait(job, out)
    if len(list(out.glob("**/model.h5"))) != 2:
        raise Wrong(f"want two models below {out}\n{lab.log(out)}")


def a_chain_of_jobs(lab, out, want):
    table, config = lab.folder / "jets.h5", lab.folder / "chain.yaml"
    lab.call(lab.binary, "generate", "generate.table=true", "generate.jets=900", f"out={table}")
    config.write_text(lab.tiny.read_text().replace("source: toy\n", "source: auto\n"))
    text = lab.call("jobs/pipeline.sh", config, table, table, out, "train.steps=5")
    jobs = [line.split()[-1] for line in text.splitlines() if ": job " in line]
    for job in jobs:
        lab.wait(job, out)
    wanted = ["train-prepared.h5", "model.h5", "scores.h5", "report.html"]
    missing = [name for name in wanted if not (out / name).exists()]
    if len(jobs) != 4 or missing:
        raise Wrong(f"missing: {missing}\n{text}")


TRIES = 3
TESTS = [
    two_nodes_through_srun,
    two_nodes_through_mpirun,
    stops_before_the_limit_until_done,
    requeued_by_an_administrator,
    cancelled_and_submitted_again,
    a_killed_rank,
    a_node_taken_away,
    a_forgotten_twin,
    a_wrong_option_ends_at_once,
    an_array_and_its_collection,
    a_chain_of_jobs,
]


def tried(lab, test, name, want):
    """What is wrong, None: nothing. Slurm's launcher and Open MPI lose a rank in MPI_Init now and then
   , so a test that fails is tried again, in a directory of its own."""
    for attempt in range(TRIES):
        before = time.monotonic()
        try:
            test(lab, lab.folder / f"{name}-{attempt}", want)
            wrong = None
        except Wrong as found:
            wrong = found
        print(f"{test.__name__}: {time.monotonic() - before:.0f} s", flush=True)
        if not wrong:
            return None
        print(f"failed, try {attempt + 1} of {TRIES}: {wrong}", flush=True)
        lab.call("scancel", "--user=root")
        lab.up()
    return wrong


def main():
    if os.geteuid():
        sys.exit("virtual nodes want root")
    binary, helper, source = (pathlib.Path(word).resolve() for word in sys.argv[1:4])
    chosen = [test for test in TESTS if not sys.argv[4:] or test.__name__ in sys.argv[4:]]
    failures = Failures()
    with tempfile.TemporaryDirectory(prefix="jetnae-slurm-") as folder:
        os.chmod(folder, 0o755)  # munge wants its socket within reach of all
        lab = Lab(binary, helper, source, pathlib.Path(folder))
        reference = lab.folder / "reference"
        done = run(binary, "train", lab.tiny, *LONGER, f"out={reference}", "threads=1")
        if not failures.check(done.code == 0, done):
            failures.finish()
        want = results(helper, reference)
        try:
            lab.up()
            for number, test in enumerate(chosen):
                wrong = tried(lab, test, f"run{number}", want)
                failures.check(not wrong, f"{test.__name__}: {wrong}")
        finally:
            lab.down()
    failures.finish()


main()
