"""BatchNorm folded into the layer in front: ``W gamma / sigma``, ``beta - mean gamma / sigma``.

Krishnamoorthi's scheme (arXiv 1806.08342) in its frozen phase, which HAWQ-V3 uses too, with the
running statistics: what is quantized and trained from there on is the folded weight.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d)
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def fold_batch_norms(gm: fx.GraphModule) -> None:
    """Folds every BatchNorm that alone reads a convolution or Linear used once."""
    modules = dict(gm.named_modules())
    called = [str(n.target) for n in gm.graph.nodes if n.op == "call_module"]
    for node in list(gm.graph.nodes):
        if node.op != "call_module" or not isinstance(modules[str(node.target)], _NORMS):
            continue
        head = node.args[0]
        once = called.count(str(node.target)) == 1 and len(head.users) == 1
        if head.op != "call_module" or not once or called.count(str(head.target)) != 1:
            continue
        folded = _folded(modules[str(head.target)], modules[str(node.target)])
        if folded is not None:
            gm.set_submodule(str(head.target), folded)
            node.replace_all_uses_with(head)
            gm.graph.erase_node(node)
    gm.delete_all_unused_submodules()
    gm.recompile()


def _folded(head: nn.Module, norm: Any) -> nn.Module | None:
    head, norm = copy.deepcopy(head).eval(), copy.deepcopy(norm).eval()
    with torch.no_grad():
        if isinstance(head, _CONVOLUTIONS):
            transpose = isinstance(head, nn.ConvTranspose2d)
            made: nn.Module = fuse_conv_bn_eval(head, norm, transpose)
        elif isinstance(head, nn.Linear):
            made = fuse_linear_bn_eval(head, norm)
        else:
            return None
    return made.train()
