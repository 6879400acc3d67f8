"""Networks trained in fixed point, whose outputs are the hardware's (extra ``train``: PyTorch).

    from qfxc import nn as qnn

    model = qnn.prepare(float_model, qnn.Config(weight_bits=6))   # a torch.fx.GraphModule
    qnn.calibrate(model, loader)                                  # fraction bits from data
    ...                                                           # train as any torch model
    qnn.freeze(model)                                             # formats stay for the last epochs

What others build on:

- ``fixed(x, wbit, fbit, rounding, overflow, signed)`` is the cast to ``ap_fixed<wbit, wbit - fbit>``:
  ``y = 2**-f * overflow(round(x * 2**f))``, equal to the Xilinx headers bit for bit.
- ``Cast`` is that as a module. ``wbit``: an int, or a parameter while widths are trained.
  ``fbit``: a float parameter of shape () or (C,). ``format()`` gives the integers that hold:
  ``Format(wbit, fbit: tuple[int, ...], axis, signed, rounding, overflow)``; ``axis`` is that of
  the channels of the tensor that is cast, None where one format serves all.
- Every layer has ``cast``, the Cast of its output or None, and computes ``cast(op(x))`` with that
  one rounding. Layers with weights have ``weight_cast``, ``bias_cast`` (None where absent), ``project``
  (a module applied to the cast weights, or None), ``quantized_weight()`` and ``quantized_bias()``
  (None where absent), and compute ``cast(op(x, quantized_weight) + quantized_bias)``.
  BatchNorm's weight is its scale ``gamma / sqrt(var + eps)``, its bias the offset, both of shape (C,):
  ``cast(x * quantized_weight + quantized_bias)`` is what is deployed.
- A prepared model's graph has these leaves only, all named as in the float model; every input
  passes through a Cast of its own: ``input_cast`` where there is one input, else ``input_cast_0``, ...
- In eval mode values are exact: every tensor is integers times ``2**-f``. Where float32 could round a sum, layers
  compute in float64. In training mode the last bits may differ.
"""
