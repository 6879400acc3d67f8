"""What layers of a prepared model know of their inputs: the casts that these come from."""

from __future__ import annotations

from collections.abc import Iterable

from torch import fx

from qfxc.nn.cast import Cast
from qfxc.nn.layer import Layer


def link(gm: fx.GraphModule) -> None:
    """Sets every layer's ``sources``; to be called again after casts or layers were replaced."""
    found: dict[str, list[tuple[Cast, ...] | None]] = {}
    layers: dict[str, Layer] = {}
    for node in gm.graph.nodes:
        module = gm.get_submodule(str(node.target)) if node.op == "call_module" else None
        if isinstance(module, Layer):
            path = str(node.target)
            layers[path] = module
            inputs = node.all_input_nodes
            found.setdefault(path, []).extend(sources(gm, n) for n in inputs)
    for path, lists in found.items():
        known = [casts for casts in lists if casts is not None]
        complete = len(known) == len(lists)
        layers[path].sources = tuple(dict.fromkeys(c for k in known for c in k)) if complete else ()


def sources(gm: fx.GraphModule, node: fx.Node) -> tuple[Cast, ...] | None:
    """The casts that made a value; None where one of them is not known."""
    if node.op == "placeholder":
        return None
    if node.op == "call_module":
        module = gm.get_submodule(str(node.target))
        if isinstance(module, Cast):
            return (module,)
        if isinstance(module, Layer):
            return (module.cast,) if isinstance(module.cast, Cast) else None
    lists = [sources(gm, n) for n in node.all_input_nodes]
    known = [casts for casts in lists if casts is not None]
    if not lists or len(known) < len(lists):
        return None
    return tuple(dict.fromkeys(cast for casts in known for cast in casts))


def never_negative(gm: fx.GraphModule, nodes: Iterable[fx.Node], input_signed: bool) -> bool:
    """Whether all of these values come from unsigned casts, or are inputs that will."""
    for node in nodes:
        if node.op == "placeholder":
            if input_signed:
                return False
            continue
        casts = sources(gm, node)
        if casts is None or any(cast.signed for cast in casts):
            return False
    return bool(list(nodes))
