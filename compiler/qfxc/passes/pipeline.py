"""The whole pass order on one screen."""

from __future__ import annotations

from qfxc.ir.check import Stage
from qfxc.passes.average_by_shift import AverageByShift
from qfxc.passes.base import Pass
from qfxc.passes.equalise import Equalise
from qfxc.passes.fold_affine import FoldAffine
from qfxc.passes.fold_input import FoldInput
from qfxc.passes.fuse_functions import FuseFunctions
from qfxc.passes.hoist_activations import HoistActivations
from qfxc.passes.integerize import Integerize
from qfxc.passes.join_factors import JoinFactors
from qfxc.passes.lower import Lower
from qfxc.passes.normalise import Normalise
from qfxc.passes.quantize import Quantize
from qfxc.passes.rescale import Rescale


def pipeline() -> tuple[Pass, ...]:
    """The default passes, in order; recipes and options change their fields, not the order."""
    return (
        FoldAffine(),  # first: a layer and its BatchNorm are one layer to everything below
        HoistActivations(),  # before quantizers are placed: conv, pool, relu needs one, not two
        FuseFunctions(),  # before quantizers are placed: x * sigmoid(x) is one table, not two steps
        FoldAffine(),  # hoisting brought constants next to layers
        AverageByShift(),  # before quantize: weights take what is left of the divisor
        Normalise(),  # the float reference is the graph up to here
        FoldInput(),  # before quantize: it decides what the accelerator's input codes mean
        Equalise(),  # right before quantize: one step is for all channels of a value
        Quantize(),  # real -> qdq: the only pass that costs accuracy
        Integerize(),  # qdq -> integer: exact from here on
        JoinFactors(),  # before rescale: it sees the range that the factors leave
        Rescale(),  # before lower: still one node per layer, so the simulator is fast on it
        Lower(),  # integer -> kernel
    )


STAGES: dict[str, Stage] = {
    "fold-affine": Stage.REAL,
    "hoist-activations": Stage.REAL,
    "fuse-functions": Stage.REAL,
    "average-by-shift": Stage.REAL,
    "normalise": Stage.REAL,
    "fold-input": Stage.REAL,
    "equalise": Stage.REAL,
    "quantize": Stage.QDQ,
    "integerize": Stage.INTEGER,
    "join-factors": Stage.INTEGER,
    "rescale": Stage.INTEGER,
    "lower": Stage.KERNEL,
}
"""The stage of the graph behind each pass."""
