"""Traces an integer network with alkaid and writes its RTL; run by a Python that has alkaid.

    python bench/jet_tagger_alkaid.py NETWORK.npz FOLDER LATENCY  ->  JSON on stdout

NETWORK.npz: ``x`` (frames, K) of int8, and of every layer ``w<i>`` (K, M), ``b<i>`` (M),
``right<i>``: the layer is clip(round((x @ w + b) / 2**right), 0, 63), ties to even; the last one
is x @ w + b. LATENCY: alkaid's ``latency_cutoff`` of a pipeline stage. alkaid's own numeric model
runs the frames; their results are ``FOLDER/y.npy``.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from alkaid.codegen.rtl import RTLModel
from alkaid.trace import FVArrayInput, HWConfig, trace


def network(data):
    x = FVArrayInput(data["x"].shape[1], HWConfig(1, -1, -1))
    inputs, value = x, x.quantize(1, 7, 0)
    layers = sum(name.startswith("w") for name in data.files)
    for i in range(layers):
        value = value @ data[f"w{i}"].astype(float) + data[f"b{i}"].astype(float)
        if i + 1 < layers:
            value = value * 2.0 ** -int(data[f"right{i}"])
            value = np.maximum(value, 0).quantize(0, 6, 0, "SAT", "RND_CONV")
    return inputs, value


def main():
    data, folder = np.load(sys.argv[1]), Path(sys.argv[2])
    start = time.process_time()
    logic = trace(*network(data))
    solved = time.process_time() - start
    model = RTLModel(logic, folder, "model", latency_cutoff=float(sys.argv[3]))
    model.write()
    y = np.asarray(logic.predict(data["x"].astype(float))).astype(np.int64)
    np.save(folder / "y.npy", y)
    report = {
        "cost": logic.cost,
        "adders": sum(op.opcode in (0, 1) for op in logic.ops),
        "stages": model.latency,
        "register_bits": model.reg_bits,
        "seconds": solved,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
