"""The report: its schema, that it is the same every time, and its pages."""

import importlib.util
import io
import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parents[1] / "hw"))
from hw_fakes import dot, frame, graph, same

from qfxc.backends.project import Project, is_project
from qfxc.hw.board import load
from qfxc.hw.build import build_netlist
from qfxc.hw.plan import plan
from qfxc.ir.graph import Node
from qfxc.ir.types import Int
from qfxc.ops.dyadic import Dyadic
from qfxc.report.data import Findings, Report, make_report, plan_lines, report_text, verified
from qfxc.report.files import with_report
from qfxc.report.picture import svg
from qfxc.report.screen import ScreenProgress, show, simple_table
from qfxc.share import folder


def report(**more: Any) -> Report:
    x = frame(4, 8)
    g = graph([x], [dot(same(dot(x, 16, "fc1 <&>"), "act"), 4, "fc2")])
    board = load("ultra96")
    chosen = plan(g, board, 150.0)
    netlist = build_netlist(g, chosen.folds, g.name)
    return make_report(g, chosen, netlist, board, Findings(**more))


def test_layers_and_model() -> None:
    data = report(options={"weights": 4})
    assert [(row["name"], row["op"]) for row in data["layers"]] == [
        ("fc1 <&>", "matvec"), ("act", "table"), ("fc2", "matvec"),
    ]  # fmt: skip
    first, act, last = data["layers"]
    assert (first["weights"], first["weight_bits"], first["rescale"]) == (128, 8, "table")
    assert (act["weights"], act["weight_bits"], act["rescale"]) == (0, None, None)
    assert (last["rescale"], last["bits"], last["signed"]) == (None, 16, True)
    assert data["model"]["inputs"] == [
        {"name": "x0", "shape": [4, 8], "bits": 8, "signed": False, "scale": "1"}
    ]
    assert data["board"] == {
        "name": "ultra96", "part": "xczu3eg-sbva484-1-i", "clock_mhz": 150.0,
    }  # fmt: skip
    assert data["options"] == {"weights": 4}


def test_the_estimate_is_kernels_and_glue() -> None:
    data = report()
    for key, total in data["plan"]["estimate"].items():
        kernels = sum(layer["estimate"][key] for layer in data["layers"])
        assert total == kernels + data["plan"]["glue"][key]


def test_what_bounds_the_plan_is_said_in_words() -> None:
    data = report()["plan"]
    used = data["utilisation"]
    assert used["macs"] == 4 * (8 * 16 + 16 * 4)
    assert data["next"] is None
    assert plan_lines(data) == [
        f"slowest: {data['bottleneck']}; limited by: {data['limit']}",
        f"{used['multipliers']:,} products per cycle, busy {used['average']:.1%} of the time, "
        f"those of the busiest kernel {used['busiest']:.1%}",
    ]
    cost = {"lut": 52310, "ff": 100, "dsp": 407, "bram18": 0}
    step = {"interval_cycles": 5, "frames_per_second": 8680.04, "estimate": cost}
    none = dict.fromkeys(cost, 0)
    data["optimal"], data["next"] = False, {**step, "over": {**none, "lut": 2918, "dsp": 47}}
    assert plan_lines(data)[2:] == [
        "next: 8,680.0 frames/s needs 52,310 LUT, 2,918 more than the budget and 407 DSP, 47 more "
        "than the budget",
        "the search for folds was cut short: a better plan may exist",
    ]
    data["next"]["over"] = none
    assert plan_lines(data)[2] == (
        "next: 8,680.0 frames/s fits the budget: 52,310 LUT, 100 FF, 407 DSP, 0 BRAM18"
    )


def test_rescales_are_counted() -> None:
    assert report()["rescales"] == {
        "kinds": {"shift": 0, "cast": 0, "dyadic": 0, "csd": 0, "compare": 0, "table": 1},
        "dyadic_bits": None,
    }


def test_widths_of_dyadic_multipliers() -> None:
    """Per channel 1, 2, 8, 3, 3, 3, 3, 4 bits, then 5 bits for each of 8 channels: median 5."""
    eight, one = (1, 2, -255, 4, 5, 6, 7, 8), (16,)
    out = frame(4, 8)
    inputs = [out]
    for index, a in enumerate((eight, one)):
        out = Node(Dyadic((a,), ((0,),), (), 0, Int(0, 255)), (out,), f"d{index}")
    g = graph(inputs, [out])
    board = load("ultra96")
    chosen = plan(g, board, 150.0)
    netlist = build_netlist(g, chosen.folds, g.name)
    found = make_report(g, chosen, netlist, board, Findings())["rescales"]
    assert found["kinds"]["dyadic"] == 2
    assert found["dyadic_bits"] == {"min": 1, "median": 5, "max": 8}


def schema() -> dict[str, Any]:
    text = (folder("templates") / "report" / "report.schema.json").read_text()
    found: dict[str, Any] = json.loads(text)
    return found


TYPES: dict[str, Any] = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float),
    "boolean": bool, "null": type(None),
}  # fmt: skip


def conform(value: Any, rule: dict[str, Any], root: dict[str, Any], at: str = "report") -> None:
    """The part of JSON Schema that our schema uses."""
    if "$ref" in rule:
        return conform(value, root["$defs"][rule["$ref"].rsplit("/", 1)[-1]], root, at)
    if "const" in rule:
        assert value == rule["const"], at
    if "type" in rule:
        names = rule["type"] if isinstance(rule["type"], list) else [rule["type"]]
        fits = [isinstance(value, TYPES[n]) for n in names]
        assert any(fits), at
        assert not isinstance(value, bool) or "boolean" in names, at
    if isinstance(value, (int, float)):
        assert value >= rule.get("minimum", value), at
    if isinstance(value, list):
        for index, item in enumerate(value):
            conform(item, rule["items"], root, f"{at}[{index}]")
    if isinstance(value, dict):
        known, other = rule.get("properties", {}), rule.get("additionalProperties", True)
        assert set(rule.get("required", ())) <= set(value), at
        for key, item in value.items():
            assert key in known or other is not False, f"{at}.{key}"
            more = other if isinstance(other, dict) else {}
            conform(item, known.get(key, more), root, f"{at}.{key}")
    return None


FULL: dict[str, Any] = {
    "options": {"fps": 10.0},
    "accuracy": {"sqnr_db": 31.5},
    "verification": [{"engine": "csim", "frames": 2, "equal": True, "note": "g++"}],
    "warnings": ["careful"],
}


@pytest.mark.parametrize("more", [{}, FULL])
def test_the_schema_holds(more: dict[str, Any]) -> None:
    data = json.loads(report_text(report(**more)))
    conform(data, schema(), schema())
    if importlib.util.find_spec("jsonschema"):
        importlib.import_module("jsonschema").validate(data, schema())


def test_the_schema_catches_a_wrong_report() -> None:
    for wrong in ({"generator": "x"}, {"extra": 1}, {"layers": "none"}):
        with pytest.raises(AssertionError):
            conform({**report(), **wrong}, schema(), schema())
    short = report()
    del short["plan"]["fits"]
    with pytest.raises(AssertionError, match=r"report\.plan"):
        conform(short, schema(), schema())


def test_every_key_is_documented() -> None:
    docs = Path(__file__).parents[2] / "docs" / "report.md"
    text = docs.read_text(encoding="utf-8")
    data = report()
    keys = {*data, *data["plan"], *data["layers"][0]} - {"name", "op"}
    assert [key for key in sorted(keys) if key not in text] == []


def test_the_same_compilation_gives_the_same_files() -> None:
    one, two = (with_report(Project.of({"hls/top.cpp": "x"}), report(**FULL)) for _ in range(2))
    assert one.digest() == two.digest()
    assert sorted(one) == ["README.md", "hls/top.cpp", "report.json", "report.svg"]


def test_the_readme_lists_the_folder(tmp_path: Path) -> None:
    project = with_report(Project.of({"hls/top.cpp": "x", "extra.bin": b""}), report())
    text = project.text("README.md")
    for line in ("| `hls/` | the network for Vitis HLS", "| `extra.bin` |", "| `report.svg` |"):
        assert line in text
    assert text.startswith("<!-- Generated by qfxc ")
    project.write(tmp_path / "out")
    assert is_project(tmp_path / "out")


def test_the_picture_is_well_formed_and_self_contained() -> None:
    text = svg(report())
    root = ET.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    texts = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "fc1 <&> (matvec)" in texts
    assert "DSP" in texts
    assert "href" not in text
    height, lowest = (
        int(root.attrib["height"]),
        max(
            int(e.attrib["transform"].split(" ")[1].rstrip(")"))
            for e in root.iter("{http://www.w3.org/2000/svg}g")
        ),
    )
    assert lowest < height


def screen(data: Report, seconds: dict[str, float] | None = None, width: int = 200) -> str:
    console = Console(width=width, record=True, quiet=False, file=io.StringIO())
    show(console, data, seconds)
    return console.export_text()


def test_what_the_screen_shows() -> None:
    text = screen(report(**FULL), {"plan": 1.25})
    for part in (
        "fc1 <&>", "128 x 8b", "table", "frames/s at 150 MHz", "BRAM18", "warning: careful",
        "csim against the simulator, 2 frames: equal, bit for bit", "time: plan 1.2 s",
    ):  # fmt: skip
        assert part in text, part


def test_narrow_terminals_get_the_ends_of_names_and_no_folded_cells() -> None:
    data = report()
    data["layers"][0]["name"] = "a/very/long/path/that/exporters/like/conv1"
    narrow, wide = screen(data, width=80), screen(data, width=128)
    assert "…at/exporters/like/conv1 " in narrow
    assert "128 x 8b" not in narrow
    assert "…long/path/that/exporters/like/conv1" in wide
    assert "128 x 8b" in wide
    assert max(len(line.rstrip()) for line in narrow.splitlines()) <= 80


def test_differences_and_misfits_are_shown() -> None:
    data = report(verification=[{"engine": "csim", "frames": 2, "equal": False}])
    data["plan"]["fits"] = False
    assert not verified(data)
    assert verified(report())
    text = screen(data)
    assert "DIFFERENT" in text
    assert "this design does not fit ultra96" in text


def test_progress_keeps_times_without_a_terminal() -> None:
    with ScreenProgress(Console(file=io.StringIO())) as progress:
        progress.step("calibrate", 0, 2)
        progress.step("calibrate", 2, 2)
        progress.step("plan", 0, 1)
    assert list(progress.seconds) == ["calibrate", "plan"]
    assert all(value >= 0 for value in progress.seconds.values())


def test_tables_take_text_literally() -> None:
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(simple_table(("a",), [("[red]x[/red]",)]))
    assert "[red]x[/red]" in console.export_text()


def test_infinite_numbers_are_bugs() -> None:
    with pytest.raises(ValueError, match="JSON"):
        report_text(report(accuracy={"sqnr_db": float("inf")}))
