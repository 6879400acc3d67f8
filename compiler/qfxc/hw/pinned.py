"""Folds that the user fixes: a file in the form of a project's ``model/folds.json``.

    {"conv1": {"simd": 3, "pe": 16}, "fc": {"simd": 8, "pe": 10, "variant": "lut"}}

Any subset of the nodes; the plan chooses the others around them. ``variant`` is the label of an
``ir.kernel.Variant``, "dsp" unless given; earlier releases wrote ``"fabric": true`` for "lut". A
"tree" may say its ``levels``: additions between two registers, otherwise those of the design.
"""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from math import log2
from pathlib import Path
from typing import Any

import numpy as np

from qfxc.errors import UserError, UserErrors
from qfxc.hw.space import Options, Space, cost_row, price
from qfxc.ir.kernel import Fold, Variant

NEAREST = 3
"""Legal folds that an error names."""

FORM = (
    'one entry per node, such as {"conv1": {"simd": 3, "pe": 16, "variant": "lut"}}; '
    f"variants: {', '.join(variant.label for variant in Variant)}; "
    'a tree may have "levels" above 0'
)


LABELS = {variant.label: variant for variant in Variant}


def plain(fold: Fold) -> dict[str, int | str]:
    """As JSON has it: the lanes, and the variant only where it is not the usual one."""
    lanes: dict[str, int | str] = {"simd": fold.simd, "pe": fold.pe}
    lanes |= {"variant": fold.variant.label} if fold.variant else {}
    return lanes | ({"levels": fold.levels} if fold.levels else {})


def fold_of(raw: Mapping[str, Any]) -> Fold:
    """The inverse of ``plain``. Raises LookupError, TypeError or ValueError for other mappings."""
    counts = {"simd", "pe"} | raw.keys() & {"levels"}
    positive = all(type(raw[key]) is int and raw[key] > 0 for key in counts)
    if not positive or not raw.keys() <= {"simd", "pe", "variant", "levels", "fabric"}:
        raise ValueError("not a fold")
    if "levels" in raw and raw.get("variant") != Variant.TREE.label:
        raise ValueError("not a fold")
    if "fabric" not in raw:
        variant = LABELS[raw.get("variant", "dsp")]
        return Fold(raw["simd"], raw["pe"], variant, raw.get("levels", 0))
    if type(raw["fabric"]) is not bool or "variant" in raw:
        raise ValueError("not a fold")
    return Fold(raw["simd"], raw["pe"], Variant(raw["fabric"]))


def read_folds(path: Path) -> dict[str, Fold]:
    """The folds of a file; UserError when it has another form."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_once)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"the folds cannot be read: {reason}", where=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"not a JSON file: {error}", where=str(path), hint=FORM) from error
    if not isinstance(raw, dict):
        raise UserError("these are not folds", where=str(path), hint=FORM)
    wrong = [name for name, fold in raw.items() if not _is_fold(fold)]
    if wrong:
        raise UserError(
            f"these entries are no folds: {', '.join(wrong)}", where=str(path), hint=FORM
        )
    return {name: fold_of(fold) for name, fold in raw.items()}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names differ."""
    names = Counter(name for name, _ in pairs)
    if twice := [name for name, count in names.items() if count > 1]:
        raise ValueError(f"{', '.join(twice)} given twice")
    return dict(pairs)


def _is_fold(raw: Any) -> bool:
    try:
        fold_of(raw)
    except (LookupError, TypeError, ValueError, AttributeError):
        return False
    return True


def pin(space: Space, wanted: Mapping[str, Fold], dsps: bool = True) -> Space:
    """The space with the given folds as the only choice of their nodes.

    Raises one UserError that lists every unknown node and every illegal fold, without ``dsps``
    also every one that takes some.
    """
    errors = [error for name in wanted if (error := _wrong(space, name, wanted[name], dsps))]
    if errors:
        raise UserErrors(errors) if len(errors) > 1 else errors[0]
    pinned = {name: _only(space.options[name], fold) for name, fold in wanted.items()}
    return replace(space, options={**space.options, **pinned})


def _only(options: Options, fold: Fold) -> Options:
    at = [_same(fold, legal) for legal in options.folds].index(True)
    cycles, costs = options.cycles[at : at + 1], options.costs[at : at + 1]
    if fold.levels in (0, options.folds[at].levels):
        return Options(options.node, (options.folds[at],), cycles, costs)
    own = np.array([cost_row(price(options.node, fold))], dtype=np.int64)
    return Options(options.node, (fold,), cycles, own)


def _same(a: Fold, b: Fold) -> bool:
    """Whether two folds differ in no more than their levels."""
    return replace(a, levels=0) == replace(b, levels=0)


def _wrong(space: Space, name: str, fold: Fold, dsps: bool) -> UserError | None:
    if name not in space.options:
        near = difflib.get_close_matches(name, list(space.options), n=NEAREST)
        hint = f"did you mean: {', '.join(near)}" if near else "model/folds.json has all nodes"
        return UserError("there is no such kernel to fold", where=name or '""', hint=hint)
    options = space.options[name]
    same = [other for other in options.folds if _same(fold, other)]
    if same and (dsps or not options.at(same[0])[1].dsp):
        return None
    legal = [f for f in options.folds if dsps or not options.at(f)[1].dsp]
    near_folds = sorted(legal, key=lambda other: (_distance(fold, other), other))[:NEAREST]
    texts = ", ".join(json.dumps(plain(other)) for other in near_folds)
    if same:
        text = f"fold {json.dumps(plain(fold))} takes DSPs, of which none are allowed"
        return UserError(text, where=name, hint=f"the nearest that take none: {texts}")
    text = f"fold {json.dumps(plain(fold))} is not legal"
    return UserError(text, where=name, hint=f"the nearest legal ones: {texts}")


def _distance(a: Fold, b: Fold) -> float:
    """Factors between the lanes, as powers of two; the variant counts less than any of them."""
    lanes = abs(log2(a.simd) - log2(b.simd)) + abs(log2(a.pe) - log2(b.pe))
    return lanes + (1e-6 if a.variant != b.variant else 0.0)
