#!/usr/bin/env python3
"""Event files (log.tensorboard=true): framing and check sums by a reader of its own, each step of a
run that was resumed once and with the numbers of log.csv, images; and all of it again by TensorBoard's
reader where that is installed.

Usage: test_tensorboard.py BINARY SOURCE_ROOT
"""

import csv
import pathlib
import struct
import sys
import zlib

BINARY, ROOT = sys.argv[1], pathlib.Path(sys.argv[2])
from harness import Failures, run, scratch  # noqa: E402


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


assert crc32c(b"123456789") == 0xE3069283  # the published check value


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(path):
    data, at = path.read_bytes(), 0
    while at < len(data):
        (n, crc) = struct.unpack_from("<QI", data, at)
        assert crc == masked(data[at : at + 8]), f"{path}: length at {at}"
        body = data[at + 12 : at + 12 + n]
        assert struct.unpack_from("<I", data, at + 12 + n)[0] == masked(body), f"{path}: at {at}"
        yield body
        at += n + 16


def varint(data, at):
    value, shift = 0, 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not data[at - 1] & 0x80:
            return value, at


def fields(data):
    """Number and value of each field of a message."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        elif key & 7 == 2:
            n, at = varint(data, at)
            value, at = data[at : at + n], at + n
        else:
            form = {1: "<d", 5: "<f"}[key & 7]
            (value,) = struct.unpack_from(form, data, at)
            at += struct.calcsize(form)
        yield key >> 3, value


def view(folder):
    """Values by step and tag, as a reader that honours the beginning of sessions has them; and the
    beginnings."""
    found, starts = {}, []
    for path in sorted(folder.iterdir()):
        events = [dict(fields(body)) for body in records(path)]
        assert events[0][3] == b"brain.Event:2", path
        for event in events[1:]:
            if 7 in event:
                assert dict(fields(event[7]))[1] == 1
                starts.append(event[2])
                found = {s: v for s, v in found.items() if s < event[2]}
                continue
            values = [dict(fields(v)) for number, v in fields(event[5]) if number == 1]
            found[event[2]] = {v[1].decode(): v.get(2, v.get(4)) for v in values}
    return found, starts


def png_size(data):
    """Width and height; the check sum of each chunk is right."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at = 8
    while at < len(data):
        n, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 4 : at + 8 + n]
        assert struct.unpack_from(">I", data, at + 8 + n)[0] == zlib.crc32(body)
        if kind == b"IHDR":
            size = struct.unpack_from(">II", body, 4)
        at += n + 12
    return size


def single(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def check_rows(failures, found, out):
    with open(out / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    steps = [int(row["step"]) for row in rows]
    failures.check(sorted(found) == steps, f"steps {sorted(found)}, want {steps}")
    for row in rows:
        numbers = {
            tag.split("/")[1]: v
            for tag, v in found[int(row["step"])].items()
            if not isinstance(v, bytes)
        }
        want = {
            name: single(float(v))
            for name, v in row.items()
            if v and name not in ("step", "phase")
        }
        failures.check(numbers == want, f"step {row['step']}: {numbers}, want {want}")


def check_images(failures, found):
    images = {tag: [] for tag in ("images/input_and_reconstruction", "images/negatives")}
    for step in sorted(found):
        for tag in images:
            if tag in found[step]:
                image = dict(fields(found[step][tag]))
                failures.check(
                    png_size(image[4]) == (image[2], image[1]), f"{tag}: size of the PNG"
                )
                images[tag].append(step)
    failures.check(len(images["images/input_and_reconstruction"]) == 6, f"images {images}")
    failures.check(len(images["images/negatives"]) == 2, f"images {images}")


def check_reader(failures, found, out):
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    except ImportError:
        print("TensorBoard's reader is not installed")
        return
    reader = EventAccumulator(str(out / "tensorboard"), size_guidance={"scalars": 0, "images": 0})
    reader.Reload()
    for tag in reader.Tags()["scalars"]:
        points = [(e.step, e.value) for e in reader.Scalars(tag)]
        want = [(s, found[s][tag]) for s in sorted(found) if tag in found[s]]
        failures.check(points == want, f"TensorBoard reads {tag} as {points}, want {want}")
    for tag in reader.Tags()["images"]:
        steps = [e.step for e in reader.Images(tag)]
        failures.check(steps == [s for s in sorted(found) if tag in found[s]], f"{tag}: {steps}")


def train(failures, out, *options):
    words = ["train", ROOT / "configs/tiny.yaml", f"out={out}", "threads=1", *options]
    result = run(BINARY, *words, ranks=2)
    failures.check(result.code == 0, result)


def main():
    failures = Failures()
    with scratch() as name:
        out = pathlib.Path(name) / "run"
        on = ["log.tensorboard=true", "train.checkpoint_steps=8"]
        train(failures, out, *on, "train.steps=14")
        # As if it had been killed at step 14: the checkpoint of step 8 is the newest.
        (out / "checkpoints/step-000000000014.h5").unlink()
        train(failures, out, *on, "train.steps=0")
        files = list((out / "tensorboard").iterdir())
        failures.check(len(files) == 2, f"files {files}")
        found, starts = view(out / "tensorboard")
        failures.check(starts == [1, 9], f"sessions begin at {starts}")
        check_rows(failures, found, out)
        check_images(failures, found)
        check_reader(failures, found, out)
    failures.finish()


main()
