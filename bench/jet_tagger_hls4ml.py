"""What hls4ml writes for a QONNX model, and what it takes to build it for C-simulation.

    python bench/jet_tagger_hls4ml.py MODEL.onnx FOLDER  ->  JSON on the last line of stdout

Its latency strategy: every layer unrolled, an initiation interval of 1. Sizes are those of the
C++ of the network, weights included; its library (``nnet_utils``) is counted apart.
"""

import json
import sys
import time
from pathlib import Path

import hls4ml
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.util.cleanup import cleanup_model

BACKEND = "Vitis"


def size(paths):
    texts = [path.read_text() for path in paths]
    return {"lines": sum(len(t.splitlines()) for t in texts), "bytes": sum(map(len, texts))}


def main():
    model, folder = cleanup_model(ModelWrapper(sys.argv[1])), Path(sys.argv[2])
    config = hls4ml.utils.config_from_onnx_model(model, granularity="name", backend=BACKEND)
    config["Model"]["Strategy"] = "Latency"
    project = hls4ml.converters.convert_from_onnx_model(
        model, output_dir=str(folder), io_type="io_parallel", hls_config=config, backend=BACKEND
    )
    project.write()
    start = time.perf_counter()
    project.compile()
    seconds = time.perf_counter() - start
    firmware = folder / "firmware"
    own = [p for p in firmware.glob("**/*.*") if p.suffix in (".cpp", ".h")]
    library = [p for p in own if p.parent.name == "nnet_utils"]
    network = [p for p in own if p.parent in (firmware, firmware / "weights")]
    found = {"network": size(network), "library": size(library), "build seconds": round(seconds, 1)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
