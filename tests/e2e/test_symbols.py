#!/usr/bin/env python3
"""No result depends on libm's transcendental functions: glibc picks their variants by processor.

Looks with nm at the objects of the program for undefined references to them. Correctly rounded
ones (sqrt, fma, floor, rint, ...) are free.

Usage: test_symbols.py ARCHIVE ...
"""

import subprocess
import sys

NAMES = """exp exp2 exp10 expm1 log log2 log10 log1p pow cbrt hypot sin cos tan sincos asin acos
    atan atan2 sinh cosh tanh asinh acosh atanh erf erfc tgamma lgamma j0 j1 jn y0 y1 yn cexp clog
    cpow cabs carg csqrt""".split()
FORBIDDEN = {
    prefix + name + suffix
    for name in NAMES
    for suffix in ("", "f", "l", "_finite", "f_finite")
    for prefix in ("", "__")
}


def undefined(archive):
    """Pairs (object, symbol)."""
    text = subprocess.run(
        ["nm", "-A", "-u", archive], check=True, capture_output=True, text=True
    ).stdout
    for line in text.splitlines():
        where, _, symbol = line.rpartition(" U ")
        if symbol:
            yield where.strip(" :"), symbol.split("@")[0]


def main():
    seen, wrong = 0, []
    for archive in sys.argv[1:]:
        for where, symbol in undefined(archive):
            seen += 1
            if symbol in FORBIDDEN or symbol.startswith("_ZGV"):
                wrong.append(f"{where} calls {symbol}; use num/elem.h or num/vec.h")
    for line in wrong:
        print(line)
    if wrong or not seen:
        sys.exit(f"{len(wrong)} calls of libm's transcendental functions among {seen} references")
    print(f"{seen} references, none to libm's transcendental functions")


main()
