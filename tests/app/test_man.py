#!/usr/bin/env python3
"""The manual: groff sets every page without a warning, and a reader finds the words of --help and
`jetnae config` in it, all of them, in their order. Skipped without groff.

Usage: test_man.py BINARY SOURCE_ROOT PAGE ...
"""

import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(sys.argv[2]) / "tests/e2e"))
from harness import Failures, run  # noqa: E402


def shown(page, failures):
    """The words of a page, by heading."""
    done = run("groff", "-man", "-ww", "-Tascii", "-P-cbou", page, ranks=0)
    failures.check(done.code == 0 and not done.err, done)
    parts = re.split(r"^(\w[\w ,.]*)\n", done.out, flags=re.M)
    return {head: text.split() for head, text in zip(parts[1::2], parts[2::2])}


def said(binary, name):
    """What the program says: usage, summary and the rest, in words."""
    command = [name] if name else []
    text = subprocess.check_output([binary, *command, "--help"], text=True)
    usage, summary, text = text.split("\n\n", 2)
    return usage.split(), summary.split(), text


def check_options(binary, page, failures):
    reference = subprocess.check_output([binary, "config"], text=True)
    reference = re.sub(r"^--- (.*) ---$", lambda m: m.group(1).upper(), reference, flags=re.M)
    found = " ".join(w for h, t in page.items() for w in [h, *t])
    names = re.findall(r"^[a-z]\S*$", reference, flags=re.M)
    failures.check(len(names) > 150, f"only {len(names)} names in the reference")
    for block in re.split(r"\n(?=\S)", reference.split("\n\n", 1)[1]):
        want = " ".join(block.split())
        failures.check(want in found, f"options: want {want}")


def main():
    if not shutil.which("groff"):
        print("skipped: no groff")
        sys.exit(77)
    binary, failures = sys.argv[1], Failures()
    for path in map(pathlib.Path, sys.argv[3:]):
        page = shown(path, failures)
        name = path.stem.partition("-")[2]
        if name == "options":
            check_options(binary, page, failures)
            continue
        usage, summary, text = said(binary, name)
        failures.check(page["SYNOPSIS"] == usage, f"{path.name}: found {page['SYNOPSIS']}")
        failures.check(page["NAME"][2:] == summary, f"{path.name}: found {page['NAME']}")
        want, found = text.split(), page["DESCRIPTION"]
        if not name:
            want = want[: len(found)]
        failures.check(found == want and want, f"{path.name}: found {found}, want {want}")
    failures.finish()


if __name__ == "__main__":
    main()
