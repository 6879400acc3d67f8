"""``prepare``: a PyTorch model becomes a fixed-point one, with casts where hardware has them."""

from __future__ import annotations

import copy

from torch import fx, nn

from qfxc.errors import UserError, UserErrors
from qfxc.nn import dense, norm, simple
from qfxc.nn.cast import Cast
from qfxc.nn.config import Config
from qfxc.nn.fold import fold_batch_norms
from qfxc.nn.layer import Layer
from qfxc.nn.link import link, never_negative
from qfxc.nn.replacements import SAME, from_call, twin_of

READERS = (norm.BatchNorm1d, norm.BatchNorm2d, simple.ReLU, simple.ReLU6, simple.PReLU)
HEADS = (
    dense.Conv1d,
    dense.Conv2d,
    dense.ConvTranspose2d,
    dense.Linear,
    norm.BatchNorm1d,
    norm.BatchNorm2d,
    simple.Add,
)
"""What may leave its rounding to which reader (``casts="fused"``)."""


class _Tracer(fx.Tracer):
    """Every module without submodules that is PyTorch's own, or ours, is a leaf."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, (Layer, Cast)) or super().is_leaf_module(m, module_qualified_name)


def prepare(model: nn.Module, config: Config | None = None) -> fx.GraphModule:
    """The model with fixed-point layers, a Cast on every input, and formats from its weights.

    The model itself is left alone; the result has copies of its parameters under the same names.
    Functions and operators (``F.relu``, ``+``, ``torch.cat``, ``torch.flatten``, ...) become layers
    named after their fx nodes; a module called in several places becomes one layer per place,
    unless it has weights. Raises UserErrors with everything that has no layer.
    """
    config = config or Config()
    gm = _traced(copy.deepcopy(model))
    if config.fold_batch_norm:
        fold_batch_norms(gm)
    _Rewriter(gm, config).run()
    _cast_inputs(gm, config)
    if config.casts == "fused":
        _drop_inner_casts(gm)
    gm.graph.eliminate_dead_code()
    _check_leaves(gm)
    gm.graph.lint()
    gm.delete_all_unused_submodules()
    gm.recompile()
    link(gm)
    return gm


def _traced(model: nn.Module) -> fx.GraphModule:
    try:
        return fx.GraphModule(model, _Tracer().trace(model))
    except (fx.proxy.TraceError, TypeError) as error:
        raise UserError(
            f"torch.fx cannot trace this model: {error}",
            where=type(model).__name__,
            hint="branches must not depend on values; use layers of qfxc.nn where they do",
        ) from error


class _Rewriter:
    """Puts a layer in the place of every node; collects what has none."""

    def __init__(self, gm: fx.GraphModule, config: Config) -> None:
        self.gm, self.config = gm, config
        self.errors: list[UserError] = []

    def run(self) -> None:
        for node in list(self.gm.graph.nodes):
            if node.op in ("placeholder", "output"):
                continue
            try:
                self._module(node) if node.op == "call_module" else self._call(node)
            except UserError as error:
                self.errors.append(UserError(error.what, where=node.name, hint=error.hint))
        if self.errors:
            raise self.errors[0] if len(self.errors) == 1 else UserErrors(self.errors)

    def _module(self, node: fx.Node) -> None:
        path = str(node.target)
        module = self.gm.get_submodule(path)
        if isinstance(module, Layer | Cast | SAME):
            return
        if next(module.parameters(), None) is None:
            self._part_uses(node, path, module)
        self.gm.add_submodule(path, twin_of(module, self.config.at(path), self._signed(node)))

    def _part_uses(self, node: fx.Node, path: str, module: nn.Module) -> None:
        """Further calls of the same module get float ones of their own: ``relu_1`` for ``relu``."""
        for other in self.gm.graph.nodes:
            if other is not node and other.op == "call_module" and other.target == path:
                other.target = self._free(f"{path}_1", path)
                self.gm.add_submodule(other.target, copy.deepcopy(module))

    def _call(self, node: fx.Node) -> None:
        name = self._free(node.name, node.name)
        made = from_call(node, self.config.at(name), self._signed(node))
        if made is None:  # something that only rearranges, or the size of an axis
            return
        layer, inputs = made
        self.gm.add_submodule(name, layer)
        node.op, node.target, node.args, node.kwargs = "call_module", name, tuple(inputs), {}

    def _signed(self, node: fx.Node) -> bool:
        return not never_negative(self.gm, node.all_input_nodes, self.config.input_signed)

    def _free(self, name: str, stem: str) -> str:
        """``name``, or ``stem`` and the first number that no module or attribute has."""
        taken = {path for path, _ in self.gm.named_modules()} | set(dir(self.gm))
        count = 1
        while name in taken:
            name, count = f"{stem}_{count}", count + 1
        return name


def _check_leaves(gm: fx.GraphModule) -> None:
    """Sizes and items of tensors are fine where a layer took the place of what read them."""
    left = [n for n in gm.graph.nodes if n.op not in ("placeholder", "call_module", "output")]
    errors = [UserError(f"{_name(n)} has no fixed-point layer", where=n.name) for n in left]
    if errors:
        raise errors[0] if len(errors) == 1 else UserErrors(errors)


def _name(node: fx.Node) -> str:
    return getattr(node.target, "__name__", str(node.target))


def _cast_inputs(gm: fx.GraphModule, config: Config) -> None:
    inputs = [node for node in gm.graph.nodes if node.op == "placeholder"]
    for index, node in enumerate(inputs):
        if all(_is_cast(gm, user) for user in node.users):
            continue
        name = "input_cast" if len(inputs) == 1 else f"input_cast_{index}"
        gm.add_submodule(name, config.at(name).input())
        with gm.graph.inserting_after(inputs[-1]):
            call = gm.graph.call_module(name, (node,))
        node.replace_all_uses_with(call, delete_user_cb=lambda user, call=call: user is not call)


def _is_cast(gm: fx.GraphModule, node: fx.Node) -> bool:
    return node.op == "call_module" and isinstance(gm.get_submodule(str(node.target)), Cast)


def _drop_inner_casts(gm: fx.GraphModule) -> None:
    """A layer that only one BatchNorm or staircase activation reads leaves the rounding to it."""
    for node in gm.graph.nodes:
        users = list(node.users)
        if node.op != "call_module" or len(users) != 1 or users[0].op != "call_module":
            continue
        head, reader = (gm.get_submodule(str(n.target)) for n in (node, users[0]))
        if isinstance(head, HEADS) and isinstance(reader, READERS):
            head.cast = None
