"""Whole models: graphs, names, formats, errors, calibration, freezing, checkpoints."""

from __future__ import annotations

import copy
import io
import operator
from typing import Literal

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from qfxc import nn as qnn
from qfxc.errors import UserError, UserErrors
from qfxc.nn.layer import Layer


class Mlp(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(12, 16), nn.Linear(16, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(torch.relu(self.hidden(x.view(x.size(0), -1))))


class Residual(nn.Module):
    """BatchNorm, one ReLU for three places, a shortcut, functions and operators."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.block = nn.ModuleDict(
            {
                "conv": nn.Conv2d(8, 8, 3, padding=1),
                "norm": nn.BatchNorm2d(8),
            }
        )
        self.relu, self.drop = nn.ReLU(inplace=True), nn.Dropout(0.1)
        self.head = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(self.stem(x)))
        y = self.relu(self.block["norm"](self.block["conv"](x)))
        x = self.relu(x + y)
        x = torch.cat([F.max_pool2d(x, 2), F.avg_pool2d(x, 2)], 1)
        return self.head(self.drop(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)))


class Depthwise(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU6(),
            nn.Conv2d(6, 6, 3, groups=6, bias=False), nn.BatchNorm2d(6), nn.PReLU(6),
            nn.Conv2d(6, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3), nn.Tanh(),
        )  # fmt: skip


MODELS = [(Mlp, (3, 2, 2)), (Residual, (3, 8, 8)), (Depthwise, (3, 11, 11))]
CONFIGS = [
    qnn.Config(),
    qnn.Config(weight_bits=3, activation_bits=4, casts="fused", rounding="RND_CONV"),
    qnn.Config(fold_batch_norm=True, k_ones=2, per_channel=False),
    qnn.Config(train_wbit="channel"),
]


def batches(shape: tuple[int, ...], count: int = 3) -> list[Tensor]:
    rng = torch.Generator().manual_seed(5)
    return [torch.randn(8, *shape, generator=rng) for _ in range(count)]


def step(model: nn.Module, x: Tensor) -> None:
    optimizer = torch.optim.SGD(qnn.parameter_groups(model, lr=0.05, weight_decay=1e-4))
    optimizer.zero_grad()
    model(x).square().sum().backward()
    optimizer.step()


@pytest.mark.parametrize("config", CONFIGS, ids=["plain", "fused", "folded", "widths"])
@pytest.mark.parametrize(("kind", "shape"), MODELS, ids=[k.__name__ for k, _ in MODELS])
def test_life_of_a_model(kind: type[nn.Module], shape: tuple[int, ...], config: qnn.Config) -> None:
    torch.manual_seed(6)
    model, data = kind(), batches(shape)
    kept = copy.deepcopy(model.state_dict())
    made = qnn.prepare(model, config)
    assert all(torch.equal(v, kept[k]) for k, v in model.state_dict().items())
    qnn.calibrate(made, data)
    for x in data:
        step(made.train(), x)
    qnn.freeze(made)
    qnn.freeze_bn(made)
    on_grids(made.eval(), data[0])
    file = io.BytesIO()
    torch.save(made.state_dict(), file)
    file.seek(0)
    again = qnn.prepare(kind(), config)
    again.load_state_dict(torch.load(file, weights_only=True))
    for copied in (again.eval(), copy.deepcopy(made)):
        assert torch.equal(copied(data[0]), made(data[0]))
        assert qnn.summary(copied) == qnn.summary(made)


def on_grids(model: torch.fx.GraphModule, x: Tensor) -> None:
    """Every cast value is an integer of its format's width times its step."""
    seen = []

    def check(cast: nn.Module, _: object, y: Tensor) -> None:
        assert isinstance(cast, qnn.Cast)
        format = cast.format()
        step = cast.along(2.0 ** -torch.tensor(format.fbit).double(), y)
        code = y.double() / (step if cast.fbit.dim() else step[0])
        assert torch.equal(code, code.round())
        assert format.lo <= code.min()
        assert code.max() <= format.hi
        seen.append(cast)

    casts = [m for m in model.modules() if isinstance(m, qnn.Cast)]
    hooks = [cast.register_forward_hook(check) for cast in casts]
    model(x)
    for hook in hooks:
        hook.remove()
    assert set(seen) == set(casts)


def test_names_and_leaves() -> None:
    made = qnn.prepare(Residual())
    nodes = [str(n.target) for n in made.graph.nodes if n.op == "call_module"]
    assert nodes == [
        "input_cast", "stem", "norm", "relu", "block.conv", "block.norm", "relu_1", "add",
        "relu_2", "max_pool2d", "avg_pool2d", "cat", "adaptive_avg_pool2d", "flatten", "drop",
        "head",
    ]  # fmt: skip
    assert {n.op for n in made.graph.nodes} == {"placeholder", "call_module", "output"}
    signs = {n: m.cast.signed for n, m in made.named_modules() if getattr(m, "cast", None)}
    unsigned = ["relu", "relu_1", "add", "relu_2", "avg_pool2d", "cat", "adaptive_avg_pool2d"]
    assert {n for n, signed in signs.items() if not signed} == set(unsigned)
    assert set(Residual().state_dict()) <= set(made.state_dict())


def test_layers_know_where_their_inputs_come_from() -> None:
    made = qnn.prepare(Residual())
    assert made.stem.sources == (made.input_cast,)
    assert made.head.sources == (made.adaptive_avg_pool2d.cast,)
    assert made.add.sources == (made.relu.cast, made.relu_1.cast)
    twin = copy.deepcopy(made)
    assert twin.stem.sources == (twin.input_cast,)


def test_overrides_go_by_name() -> None:
    overrides = {
        "block.*": {"weight_bits": 4},
        "head": {"activation_bits": 12},
        "input_cast": {"input_bits": 5},
    }
    made = qnn.prepare(Residual(), qnn.Config(overrides=overrides))
    block = made.get_submodule("block.conv")
    assert (made.stem.weight_cast.wbit, block.weight_cast.wbit) == (8, 4)
    assert (made.head.cast.wbit, made.input_cast.wbit) == (12, 5)
    with pytest.raises(UserError, match="no field bits"):
        qnn.Config(overrides={"*": {"bits": 3}})


def test_fused_casts_once_per_chain() -> None:
    made = qnn.prepare(Residual(), qnn.Config(casts="fused"))
    uncast = [n for n, m in made.named_modules() if isinstance(m, Layer) and m.cast is None]
    assert set(uncast) == {"stem", "norm", "add", "block.conv", "block.norm"}


def test_folding_keeps_the_function() -> None:
    torch.manual_seed(7)
    model, (x,) = Residual(), batches((3, 8, 8), 1)
    for _ in range(5):
        model(x)
    wide = qnn.Config(
        fold_batch_norm=True, weight_bits=20, activation_bits=20, bias_bits=20, input_bits=20
    )
    made = qnn.prepare(model, wide)
    assert not any(isinstance(m, qnn.BatchNorm2d) for m in made.modules())
    qnn.calibrate(made, [x], method="max")
    assert (made.eval()(x) - model.eval()(x)).abs().max() < 1e-4


def test_wide_formats_are_the_float_model() -> None:
    torch.manual_seed(8)
    wide = qnn.Config(weight_bits=20, activation_bits=20, bias_bits=20, bn_bits=20, input_bits=20)
    for kind, shape in MODELS:
        model, (x,) = kind(), batches(shape, 1)
        made = qnn.prepare(model, wide)
        for method in ("max", "mse"):
            qnn.calibrate(made, [x], method=method)  # type: ignore[arg-type]
            assert (made.eval()(x) - model.eval()(x)).abs().max() < 1e-3


def test_calibration_by_error_is_no_worse() -> None:
    """An outlier: the largest value costs a bit or two that the others need."""
    x = torch.randn(4000, generator=torch.Generator().manual_seed(9))
    x[0] = 30.0
    errors = []
    for method in ("max", "mse"):
        cast = qnn.Cast(4)
        qnn.calibrate(cast, [x], method=method)  # type: ignore[arg-type]
        errors.append((cast(x) - x).square().sum().item())
    assert errors[1] < errors[0] / 2
    with pytest.raises(UserError, match="no batch"):
        qnn.calibrate(qnn.Cast(4), [])


@pytest.mark.parametrize("casts", ["every", "fused"])
def test_calibration_with_the_statistics_of_batches(casts: Literal["every", "fused"]) -> None:
    torch.manual_seed(10)
    made = qnn.prepare(Residual(), qnn.Config(casts=casts))
    qnn.calibrate(made, [5 * x for x in batches((3, 8, 8), 12)], batches=12, batch_statistics=True)
    assert (made.norm.running_mean != 0).all()
    assert made.training


def test_everything_without_a_layer_is_reported() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.soft, self.conv = nn.Softmax(1), nn.Conv2d(1, 1, 1)

        def forward(self, x: Tensor) -> Tensor:
            return torch.erf(self.soft(self.conv(x))) * 2 + operator.getitem(x, 0)

    with pytest.raises(UserErrors) as errors:
        qnn.prepare(Odd())
    assert [(e.where, e.what) for e in errors.value.errors] == [
        ("soft", "Softmax has no fixed-point layer"),
        ("erf", "erf has no fixed-point layer"),
        ("mul", "Mul with a constant"),
    ]


def test_branches_on_values_are_explained() -> None:
    class Branching(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x if x.sum() > 0 else -x

    with pytest.raises(UserError, match="cannot trace") as error:
        qnn.prepare(Branching())
    assert error.value.where == "Branching"


def test_compiled_models_have_no_graph_breaks() -> None:
    torch.manual_seed(11)
    made = qnn.prepare(Residual()).eval()
    (x,) = batches((3, 8, 8), 1)
    qnn.calibrate(made, [x])
    assert torch.equal(torch.compile(made, fullgraph=True, backend="eager")(x), made(x))


def test_several_inputs_have_several_casts() -> None:
    class Two(nn.Module):
        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            return a * b

    made = qnn.prepare(Two())
    assert [n for n, m in made.named_children() if isinstance(m, qnn.Cast)] == [
        "input_cast_0",
        "input_cast_1",
    ]
