"""Solves matrices with alkaid and da4ml and prints their graphs; run by a Python that has them.

    python bench/adders_peers.py {alkaid|da4ml} MATRICES.npy LEVELS  ->  JSON lines on stdout

``LEVELS``: the solver's ``hard_dc`` (-1, its default: no limit). One line per matrix: CPU seconds,
``adders`` as (node, shift, negative) twice, ``outputs`` as (node, shift, negative) or null. Both
are called as programs, by their documented function and the fields of its result.
"""

import importlib
import json
import sys
import time

import numpy as np


def values(stage, inputs, adders, count):
    """The terms of a stage's outputs; its adders are appended to ``adders``."""
    terms = []
    for op in stage.ops:
        if op.opcode == -1:
            source = op.data[0] if hasattr(op, "addr") else op.id0
            given = inputs[source]  # None: a stage before this one had nothing to add up
            more = int(stage.inp_shifts[source])
            terms.append(given and (given[0], given[1] + more, given[2]))
            continue
        first, second = op.addr if hasattr(op, "addr") else (op.id0, op.id1)
        data = op.data if isinstance(op.data, int) else op.data[0]
        a, b = terms[first], terms[second]
        b = (b[0], b[1] + data, b[2] != (op.opcode == 1))
        low, both = min(a[1], b[1]), a[2] and b[2]
        adders.append([(t[0], t[1] - low, bool(t[2] and not both)) for t in (a, b)])
        terms.append((count + len(adders) - 1, low, bool(both)))
    outputs = zip(stage.out_idxs, stage.out_shifts, stage.out_negs, strict=True)
    return [shifted(terms, i, int(shift), bool(negative)) for i, shift, negative in outputs]


def shifted(terms, index, shift, negative):
    if index < 0 or terms[index] is None:
        return None
    node, own, sign = terms[index]
    return node, own + shift, sign != negative


def main():
    name, path, levels = sys.argv[1:4]
    library = importlib.import_module(f"{name}.cmvm")
    solve = library.cmvm_solve if name == "alkaid" else library.solve
    for matrix in np.load(path):
        ranges = [library.QInterval(-128.0, 127.0, 1.0)] * len(matrix)
        start = time.process_time()
        result = solve(matrix.astype(np.float32), qintervals=ranges, hard_dc=int(levels))
        seconds = time.process_time() - start
        adders, terms = [], [(i, 0, False) for i in range(len(matrix))]
        for stage in result.solutions if hasattr(result, "solutions") else result:
            terms = values(stage, terms, adders, len(matrix))
        print(json.dumps({"seconds": seconds, "adders": adders, "outputs": terms}))


if __name__ == "__main__":
    main()
