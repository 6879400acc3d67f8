"""Reading an ONNX file and checking what concerns the whole model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
from onnx.external_data_helper import load_external_data_for_model

from qfxc.errors import UserError
from qfxc.frontend.call import OLDEST_OPSET
from qfxc.frontend.folding import tensor
from qfxc.ir.types import Array

STANDARD_DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True)
class Model:
    """A checked model: its nodes sorted, only those that an output needs; its constants."""

    name: str
    opset: int
    nodes: tuple[tuple[str, onnx.NodeProto], ...]
    constants: dict[str, Array]
    inputs: tuple[onnx.ValueInfoProto, ...]
    outputs: tuple[onnx.ValueInfoProto, ...]


def read(source: str | Path | onnx.ModelProto) -> Model:
    """The model of a file or of a protocol buffer in memory."""
    proto = source if isinstance(source, onnx.ModelProto) else _parse(Path(source))
    if not proto.HasField("graph") or not proto.graph.output:
        raise UserError(
            "not an ONNX model: it has no graph with outputs",
            where="" if isinstance(source, onnx.ModelProto) else str(source),
        )
    if not all(isinstance(text, str) for text in _texts(proto.graph)):
        raise UserError("names in the model are not valid UTF-8; it is damaged")
    opset = _opset(proto)
    if proto.graph.sparse_initializer:
        raise UserError("sparse initialisers are not supported", hint="store them as dense ones")
    constants = {t.name: tensor(t) for t in proto.graph.initializer}
    inputs = tuple(i for i in proto.graph.input if i.name not in constants)
    nodes = _sorted(_needed(proto.graph), {i.name for i in inputs} | constants.keys())
    fallback = "graph" if isinstance(source, onnx.ModelProto) else Path(source).stem
    name = proto.graph.name or fallback
    return Model(name, opset, tuple(nodes), constants, inputs, tuple(proto.graph.output))


def _texts(graph: onnx.GraphProto) -> Iterator[object]:
    """Everything that must be text; protobuf returns bytes for what is damaged."""
    yield from (graph.name, *(i.name for i in (*graph.input, *graph.output, *graph.initializer)))
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (a.name for a in node.attribute)


def _parse(path: Path) -> onnx.ModelProto:
    try:
        proto = onnx.load_model_from_string(path.read_bytes())
    except OSError as error:
        raise UserError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except Exception as error:  # protobuf's DecodeError; the package has no types to name it by
        raise UserError(
            "not an ONNX model, or a damaged one: it is no valid protocol buffer",
            where=str(path),
            hint="download or export it again",
        ) from error
    try:
        load_external_data_for_model(proto, str(path.parent))
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise UserError(
            "a file with external weights cannot be read",
            where=str(path),
            hint=f"keep the weight files beside the model ({str(error).splitlines()[0]})",
        ) from error
    return proto


def _opset(proto: onnx.ModelProto) -> int:
    """The version of the standard operator set, checked to be a known one."""
    versions = [o.version for o in proto.opset_import if o.domain in STANDARD_DOMAINS]
    newest = onnx.defs.onnx_opset_version()
    if not versions:
        raise UserError("the model does not say which ONNX operator set it uses")
    if versions[0] < OLDEST_OPSET:
        raise UserError(
            f"opset {versions[0]} is older than {OLDEST_OPSET}",
            hint="onnx.version_converter.convert_version(model, 13) makes it newer",
        )
    if versions[0] > newest:
        raise UserError(
            f"opset {versions[0]} is newer than {newest}, the newest that the installed onnx knows",
            hint="export with an older opset or install a newer onnx package",
        )
    return int(versions[0])


def labelled(nodes: list[onnx.NodeProto]) -> list[tuple[str, onnx.NodeProto]]:
    """Every node with what errors call it: its name, or its operator and position."""
    return [(n.name or f"{n.op_type.lower()}_{i}", n) for i, n in enumerate(nodes)]


def where(label: str, node: onnx.NodeProto) -> str:
    """How errors name a node."""
    return f"{label} ({node.op_type})"


def _needed(graph: onnx.GraphProto) -> list[tuple[str, onnx.NodeProto]]:
    """The nodes that an output depends on, in the order of the file."""
    nodes = labelled(list(graph.node))
    made = Counter(name for _, node in nodes for name in node.output if name)
    made.update({i.name for i in graph.input} | {t.name for t in graph.initializer})
    for label, node in nodes:
        twice = [name for name in node.output if name and made[name] > 1]
        if twice:
            raise UserError(f"'{twice[0]}' is computed more than once", where=where(label, node))
    maker = {name: index for index, (_, node) in enumerate(nodes) for name in node.output if name}
    needed: set[int] = set()
    stack = [maker[o.name] for o in graph.output if o.name in maker]
    while stack:
        index = stack.pop()
        if index not in needed:
            needed.add(index)
            stack += [maker[i] for i in nodes[index][1].input if i in maker]
    return _without_unused([nodes[i] for i in sorted(needed)], {o.name for o in graph.output})


def _without_unused(
    nodes: list[tuple[str, onnx.NodeProto]], outputs: set[str]
) -> list[tuple[str, onnx.NodeProto]]:
    """Further outputs that nobody reads lose their name: the mask of a Dropout, for one."""
    used = outputs.union(*(node.input for _, node in nodes))
    found = []
    for label, node in nodes:
        if any(name and name not in used for name in node.output[1:]):
            kept = [n if n in used else "" for n in node.output[1:]]
            node, first = onnx.NodeProto.FromString(node.SerializeToString()), node.output[0]
            del node.output[:]
            node.output.extend([first, *kept])
        found.append((label, node))
    return found


def _sorted(
    nodes: list[tuple[str, onnx.NodeProto]], known: set[str]
) -> list[tuple[str, onnx.NodeProto]]:
    """Producers first. Raises UserError for values that nothing defines and for cycles."""
    made = {name for _, node in nodes for name in node.output}
    for label, node in nodes:
        for name in node.input:
            if name and name not in made and name not in known:
                raise UserError(f"its input '{name}' is defined nowhere", where=where(label, node))
    known, order, waiting = set(known), [], nodes
    while waiting:
        later = []
        for item in waiting:
            if all(name in known for name in item[1].input if name):
                order.append(item)
                known.update(item[1].output)
            else:
                later.append(item)
        if len(later) == len(waiting):
            names = ", ".join(label for label, _ in later[:5])
            raise UserError(f"the graph has a cycle through {names}")
        waiting = later
    return order
