#!/usr/bin/env python3
"""Contract C2: kill any process at any moment, on any number of ranks, and the run goes on and ends
with the same bits.

A run of configs/tiny.yaml that writes checkpoints all the time loses a random rank to SIGKILL again
and again: half of the times at a random moment, half of the times before a random operation on one
of its files (a write into a checkpoint, its sync, its renaming, a row of the log). In between its
newest checkpoint is cut short or gets a bit flipped, and its disk fills up. Each time it goes on with
another number of ranks. What it leaves is compared with an undisturbed run.

Usage: test_torture.py BINARY CONTENTS FAULTS SOURCE_ROOT [KILLS [SEED]]
"""

import collections
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from harness import (  # noqa: E402
    Failures,
    contents,
    finish,
    first_difference,
    ranks_in,
    results,
    run,
    scratch,
    start,
)

WORDS = ["train.nae_epochs=30", "train.checkpoint_steps=2", "log.steps=2", "threads=1"]
DISK_KB = 4096  # damaged checkpoints are set aside, and stay
PATIENCE_S = 60


class Torture:
    def __init__(self, binary, helper, faults, source, folder, seed):
        self.binary, self.helper, self.faults = binary, helper, faults
        self.tiny = source / "configs/tiny.yaml"
        self.folder, self.random = folder, random.Random(seed)
        self.count = collections.Counter()
        self.failures = Failures()
        self.disk = folder / "disk"
        self.disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_KB}k", "tmpfs", self.disk]
        if subprocess.run(mount).returncode:
            sys.exit("a small disk (tmpfs) wants root, and the right to mount")

    def close(self):
        subprocess.run(["umount", self.disk], check=True)

    def words(self, out):
        return [self.binary, "train", self.tiny, *WORDS, f"out={out}"]

    def checkpoints(self, out):
        return sorted(out.glob("checkpoints/step-*.h5"))

    def ended(self, process, out):
        """The finished process. Open MPI's launcher, when a rank dies while others still start, now
        and then waits for ever although all of them are gone."""
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            if not ranks_in(out):
                self.count["launchers that hung"] += 1
                process.kill()
        return finish(process)

    def kill_at_a_moment(self, out, ranks):
        """Returns the finished process."""
        process = start(*self.words(out), ranks=ranks)
        while process.poll() is None and len(ranks_in(out)) < ranks:
            time.sleep(0.02)
        time.sleep(self.random.uniform(0, 1.5))
        alive = ranks_in(out)
        if alive:
            try:
                os.kill(self.random.choice(alive), signal.SIGKILL)
            except ProcessLookupError:
                pass
        return self.ended(process, out)

    def kill_inside(self, out, ranks):
        """Before one of the operations on files: about 50 for a checkpoint and its model on rank 0,
        2 on others."""
        rank = self.random.randrange(ranks) if self.random.random() < 0.3 else 0
        last = 600 if rank == 0 else 30
        env = {
            "LD_PRELOAD": str(self.faults),
            "JETNAE_FAULT": "kill",
            "JETNAE_FAULT_BELOW": str(out),
            "JETNAE_FAULT_RANK": str(rank),
            "JETNAE_FAULT_AT": str(self.random.randint(1, last)),
        }
        return self.ended(start(*self.words(out), ranks=ranks, env=env), out)

    def fill_disk(self, out, ranks):
        """Some room is left, less than two checkpoints and the model take at once."""
        status = os.statvfs(self.disk)
        room = self.random.randrange(0, 150_000)
        with open(self.disk / "ballast", "wb") as file:
            file.write(b"x" * max(0, status.f_bavail * status.f_frsize - room))
        done = run(*self.words(out), ranks=ranks)
        (self.disk / "ballast").unlink()
        if done.code == 2 and "No space left" in done.err and done.err.count("\njetnae: ") <= 1:
            self.count["full disks"] += 1
        else:
            self.failures.check(done.code == 0, f"a full disk\n{done}")

    def damage(self, out):
        """Of two checkpoints the newest."""
        found = self.checkpoints(out)
        if len(found) < 2:
            return
        content = bytearray(found[-1].read_bytes())
        at = self.random.randrange(len(content))
        if self.random.random() < 0.5:
            found[-1].write_bytes(content[:at])
            self.count["truncated"] += 1
        else:
            content[at] ^= 1 << self.random.randrange(8)
            found[-1].write_bytes(content)
            self.count["bits flipped"] += 1

    def disturb(self, out):
        """Once. Returns whether the run came to its end all the same."""
        ranks = self.random.randint(1, 4)
        inside = self.random.random() < 0.5
        done = self.kill_inside(out, ranks) if inside else self.kill_at_a_moment(out, ranks)
        if done.code == 0:
            return True
        self.count["kills inside an operation" if inside else "kills at a moment"] += 1
        # Below 0: the launcher hung and was killed, or crashed over the dead rank, as Open MPI's may.
        killed = done.code in (137, 9, 1) or done.code < 0 and "not ended" not in done.err
        self.failures.check(killed, f"want the end of a killed rank, {ranks} ranks\n{done}")
        if self.random.random() < 0.2:
            self.damage(out)
        if self.random.random() < 0.15:
            self.fill_disk(out, self.random.randint(1, 4))
        return False

    def kills(self):
        return self.count["kills inside an operation"] + self.count["kills at a moment"]

    def one_run(self, out, enough):
        """From the start to the end, with kills as long as there are not enough."""
        while self.kills() < enough:
            if self.disturb(out):
                self.count["runs"] += 1
                return
            print(f"{self.kills()} kills, {self.checkpoints(out)[-1:]}", flush=True)
        done = run(*self.words(out), ranks=self.random.randint(1, 4))
        self.failures.check(done.code == 0, f"the last part\n{done}")
        self.count["runs"] += 1

    def state(self, out):
        """Of the last checkpoint all but the length of the log: its time columns have any width."""
        lines = contents(self.helper, self.checkpoints(out)[-1])
        return [w for w in lines if w.startswith("state/") and "log_bytes" not in w]

    def compare(self, out, want, state):
        for name, found in results(self.helper, out).items():
            difference = first_difference(found, want[name])
            self.failures.check(found == want[name], f"{out / name} differs: {difference}")
        difference = first_difference(self.state(out), state)
        self.failures.check(self.state(out) == state, f"the state differs: {difference}")


def main():
    binary, helper, faults, source = (pathlib.Path(word).resolve() for word in sys.argv[1:5])
    kills = int(sys.argv[5]) if len(sys.argv) > 5 else 50
    seed = int(sys.argv[6]) if len(sys.argv) > 6 else int(time.time())
    print(f"seed {seed}", flush=True)
    with scratch() as folder:
        torture = Torture(binary, helper, faults, source, pathlib.Path(folder), seed)
        try:
            reference = torture.folder / "reference"
            done = run(*torture.words(reference))
            if not torture.failures.check(done.code == 0, done):
                torture.failures.finish()
            want, state = results(helper, reference), torture.state(reference)
            while torture.kills() < kills and not torture.failures.texts:
                out = torture.disk / "run"
                torture.one_run(out, kills)
                torture.compare(out, want, state)
                shutil.rmtree(out)
        finally:
            torture.close()
    print(", ".join(f"{n} {what}" for what, n in sorted(torture.count.items())))
    torture.failures.finish()


main()
