"""Functions of one number: every one is a program that becomes an exact table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import pi, sqrt

import numpy as np

from qfxc.errors import UserError
from qfxc.frontend.broadcast import channel_last
from qfxc.frontend.call import Call, converts
from qfxc.frontend.value import Value
from qfxc.ir.function import Program, X, apply, constant
from qfxc.ops.unary import Unary

Make = Callable[[Call], Program]


def unary(call: Call, x: Value, program: Program, suffix: str = "") -> Value:
    """``program`` of every element."""
    return replace(x, node=call.make(Unary(program), x.node, suffix=suffix))


def reciprocal(call: Call, x: Value, suffix: str = "") -> Value:
    return unary(call, x, apply("div", 1.0, X), suffix)


def _number(call: Call, name: str, default: float) -> Program:
    """An attribute, with the value that its float32 has."""
    return constant(float(call.attr(name, default)))


def _float32(value: float) -> float:
    """A default that the standard defines as a float32."""
    return float(np.float32(value))


def _exp_minus_one(x: Program) -> Program:
    return apply("sub", apply("exp", apply("min", x, 0.0)), 1.0)


def _elu(call: Call) -> Program:
    negative = apply("mul", _number(call, "alpha", 1.0), _exp_minus_one(X))
    return apply("add", apply("max", X, 0.0), negative)


def _selu(call: Call) -> Program:
    alpha = _number(call, "alpha", _float32(1.67326319217681884765625))
    gamma = _number(call, "gamma", _float32(1.05070102214813232421875))
    negative = apply("mul", alpha, _exp_minus_one(X))
    return apply("mul", gamma, apply("add", apply("max", X, 0.0), negative))


def _celu(call: Call) -> Program:
    alpha = _number(call, "alpha", 1.0)
    negative = apply("mul", alpha, _exp_minus_one(apply("div", X, alpha)))
    return apply("add", apply("max", X, 0.0), negative)


def _hard_sigmoid(call: Call) -> Program:
    alpha, beta = _number(call, "alpha", _float32(0.2)), _number(call, "beta", 0.5)
    line = apply("add", apply("mul", alpha, X), beta)
    return apply("max", apply("min", line, 1.0), 0.0)


def _hard_swish(call: Call) -> Program:
    line = apply("add", apply("div", X, 6.0), 0.5)
    return apply("mul", X, apply("max", apply("min", line, 1.0), 0.0))


def _softplus(x: Program) -> Program:
    """log(1 + exp(x)), without a large exponential."""
    tail = apply("log", apply("add", 1.0, apply("exp", apply("neg", apply("abs", x)))))
    return apply("add", apply("max", x, 0.0), tail)


def _gelu(call: Call) -> Program:
    if call.attr("approximate", "none") == "tanh":
        cubic = apply("mul", 0.044715, apply("pow", X, 3.0))
        inner = apply("tanh", apply("mul", sqrt(2 / pi), apply("add", X, cubic)))
    else:
        inner = apply("erf", apply("div", X, sqrt(2.0)))
    return apply("mul", apply("mul", 0.5, X), apply("add", 1.0, inner))


def _shrink(call: Call) -> Program:
    bias, edge = _number(call, "bias", 0.0), _number(call, "lambd", 0.5)
    above = apply("mul", apply("greater", X, edge), apply("sub", X, bias))
    below = apply("greater", apply("neg", edge), X)
    return apply("add", above, apply("mul", below, apply("add", X, bias)))


def _hyperbolic(sign: str) -> Program:
    both = apply(sign, apply("exp", X), apply("exp", apply("neg", X)))
    return apply("mul", 0.5, both)


def _half_arc_sine() -> Program:
    """asin(x) / 2, without a pole: atan(x / (1 + sqrt(1 - x^2)))."""
    root = apply("sqrt", apply("sub", 1.0, apply("mul", X, X)))
    return apply("atan", apply("div", X, apply("add", 1.0, root)))


FUNCTIONS: dict[str, Make] = {
    "Acos": lambda _: apply("mul", 2.0, apply("sub", apply("atan", 1.0), _half_arc_sine())),
    "Asin": lambda _: apply("mul", 2.0, _half_arc_sine()),
    "Atan": lambda _: apply("atan", X),
    "Cos": lambda _: apply("cos", X),
    "Sin": lambda _: apply("sin", X),
    "Tan": lambda _: apply("div", apply("sin", X), apply("cos", X)),
    "Abs": lambda _: apply("abs", X),
    "Acosh": lambda _: apply(
        "log", apply("add", X, apply("sqrt", apply("sub", apply("mul", X, X), 1.0)))
    ),
    "Asinh": lambda _: apply(
        "mul",
        apply("sign", X),
        apply(
            "log",
            apply("add", apply("abs", X), apply("sqrt", apply("add", apply("mul", X, X), 1.0))),
        ),
    ),
    "Atanh": lambda _: apply(
        "mul", 0.5, apply("log", apply("div", apply("add", 1.0, X), apply("sub", 1.0, X)))
    ),
    "Ceil": lambda _: apply("ceil", X),
    "Celu": _celu,
    "Cosh": lambda _: _hyperbolic("add"),
    "Elu": _elu,
    "Erf": lambda _: apply("erf", X),
    "Exp": lambda _: apply("exp", X),
    "Floor": lambda _: apply("floor", X),
    "Gelu": _gelu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "Log": lambda _: apply("log", X),
    "Mish": lambda _: apply("mul", X, apply("tanh", _softplus(X))),
    "Reciprocal": lambda _: apply("div", 1.0, X),
    "Round": lambda _: apply("round", X),
    "Selu": _selu,
    "Shrink": _shrink,
    "Sigmoid": lambda _: apply("sigmoid", X),
    "Sign": lambda _: apply("sign", X),
    "Sinh": lambda _: _hyperbolic("sub"),
    "Softplus": lambda _: _softplus(X),
    "Softsign": lambda _: apply("div", X, apply("add", 1.0, apply("abs", X))),
    "Sqrt": lambda _: apply("sqrt", X),
    "Swish": lambda call: apply(
        "mul", X, apply("sigmoid", apply("mul", _number(call, "alpha", 1.0), X))
    ),
    "Tanh": lambda _: apply("tanh", X),
    "ThresholdedRelu": lambda call: apply(
        "mul", X, apply("greater", X, _number(call, "alpha", 1.0))
    ),
}
"""The program of every ONNX operator that is a function of one number."""


@converts(*FUNCTIONS, notes="an exact table of its quantized input")
def function(call: Call) -> Value:
    return unary(call, call.value(0), FUNCTIONS[call.op](call))


@converts("Pow", notes="constant exponents, or a constant base; channels broadcast")
def power(call: Call) -> Value:
    if isinstance(call.inputs[0], Value) and isinstance(call.inputs[1], Value):
        raise UserError("both sides depend on the input", hint="one of them must be constant")
    if isinstance(call.inputs[1], Value):
        return _exponential(call)
    x, exponent = channel_last(call, call.value(0), call.floats(1))
    return unary(call, x, apply("pow", X, constant(exponent)))


def _exponential(call: Call) -> Value:
    """base ** x = exp(log(base) x)."""
    x, base = channel_last(call, call.value(1), call.floats(0))
    if (base <= 0).any():
        raise UserError("a base that is not positive")
    return unary(call, x, apply("exp", apply("mul", apply("log", constant(base)), X)))
