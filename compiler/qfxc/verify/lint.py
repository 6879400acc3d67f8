"""A lint for C++ that Vitis HLS must accept: what can be checked without running it.

It reads the generated sources and the library (not the test bench, not the simulation headers).
The rules are those of docs/kernels.md ("What the C++ keeps to"): nothing dynamic, no floating
point, blocking ``read``/``write`` only, counted loops, canonical dataflow regions, C++14.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

SOURCES = ("hls/src/", "hls/include/qfx/")


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One breach: file, line (from 1), rule, and the text in question."""

    path: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.text.strip()}"


BANNED = {
    "dynamic memory": r"\b(new|delete|malloc|calloc|realloc|free)\b",
    "standard library": r"\bstd::",
    "floating point": r"\b(float|double)\b",
    "goto": r"\bgoto\b",
    "uncounted loop": r"\b(while|do)\b",
    "exceptions": r"\b(try|catch|throw)\b",
    "run-time types": r"\b(virtual|dynamic_cast|typeid)\b",
    "reinterpretation": r"\b(union|reinterpret_cast)\b",
    "stream state": r"\.(empty|full|size|read_nb|write_nb)\s*\(",
    "newer than C++14": (
        r"\bif\s+constexpr\b|\binline\s+constexpr\b|\bauto\s*\[|\b(concept|requires|consteval"
        r"|constinit|co_await)\b"
    ),
    "state between calls": r"\bstatic\s+(?!const)[\w:<>, ]+\s\w+\s*(=|;|\[)",
}

DIRECTIVES = (
    "INLINE|PIPELINE|UNROLL|ARRAY_PARTITION|BIND_STORAGE|BIND_OP|DEPENDENCE|STREAM|DATAFLOW"
    "|INTERFACE|EXPRESSION_BALANCE"
)
CONSTANT = re.compile(r"\b(constexpr|static_assert|static const|typedef)\b|<[^;]*[%/][^;]*>")
STREAM = re.compile(r"hls::stream<[^;{}()&]*>\s*&?\s*(\w+)")


def lint(files: Mapping[str, bytes | str]) -> list[Finding]:
    """Every breach in the sources of a project (``{path: content}``), in order."""
    found: list[Finding] = []
    for path, content in sorted(files.items()):
        if path.startswith(SOURCES) and path.endswith((".cpp", ".hpp")):
            text = content.decode() if isinstance(content, bytes) else content
            found += lint_text(path, text)
    return found


def lint_text(path: str, text: str) -> list[Finding]:
    """Every breach in one file."""
    code = _without_comments(text)
    found = [*_banned(path, code), *_pragmas(path, code), *_division(path, code)]
    return sorted([*found, *_stream_operators(path, code), *_dataflow(path, code)])


def _without_comments(text: str) -> str:
    """Comments and string contents blanked; lines stay where they are."""

    def blank(match: re.Match[str]) -> str:
        token = match.group(0)
        if token.startswith('"'):
            return '""'
        return "\n" * token.count("\n")

    return re.sub(r"//[^\n]*|/\*.*?\*/|\"[^\"\n]*\"", blank, text, flags=re.S)


def _at(code: str, position: int) -> int:
    return code.count("\n", 0, position) + 1


def _banned(path: str, code: str) -> Iterator[Finding]:
    plain = re.sub(r"^#[^\n]*", "", code, flags=re.M)
    for rule, pattern in BANNED.items():
        for match in re.finditer(pattern, plain):
            yield Finding(path, _at(plain, match.start()), rule, match.group(0))


def _pragmas(path: str, code: str) -> Iterator[Finding]:
    for number, line in enumerate(code.splitlines(), 1):
        if "pragma" not in line:
            continue
        if not re.match(rf"#pragma HLS ({DIRECTIVES})\b[^\\]*$", line):
            yield Finding(path, number, "pragma", line)
        elif "INTERFACE" in line and "mode=" not in line:
            yield Finding(path, number, "pragma without mode=", line)


def _division(path: str, code: str) -> Iterator[Finding]:
    """Divisions and remainders outside constant expressions become dividers."""
    plain = re.sub(r"^#[^\n]*", "", code, flags=re.M)
    for match in re.finditer(r"[^;{}]+", plain):
        statement = match.group(0)
        if re.search(r"[%/]", statement) and not CONSTANT.search(statement):
            yield Finding(path, _at(plain, match.end()), "division", statement)


def _stream_operators(path: str, code: str) -> Iterator[Finding]:
    streams = set(STREAM.findall(code))
    for match in re.finditer(r"\b(\w+)\s*(>>|<<)", code):
        if match.group(1) in streams:
            yield Finding(path, _at(code, match.start()), "stream operator", match.group(0))


def _regions(code: str) -> Iterator[tuple[int, str, str]]:
    """(line, parameters, body) of every dataflow region; bodies have no braces inside."""
    for match in re.finditer(r"#pragma HLS DATAFLOW", code):
        start = code.rfind("{", 0, match.start())
        stop = code.find("}", match.end())
        opening = code.rfind("(", 0, start)
        yield _at(code, start), code[opening + 1 : start], code[start + 1 : stop]


def _dataflow(path: str, code: str) -> Iterator[Finding]:
    """Regions hold stream declarations and calls; every stream has one writer and one reader."""
    for line, parameters, region in _regions(code):
        body = re.sub(r"^#[^\n]*", "", region, flags=re.M)
        ends: Counter[str] = Counter(STREAM.findall(parameters))
        uses: Counter[str] = Counter()
        for statement in filter(None, (part.strip() for part in body.split(";"))):
            declared = re.fullmatch(r'hls::stream<[\w<>,: ]+> (\w+)(\(""\))?', statement)
            called = re.fullmatch(r"\w+\(([\w, \n]*)\)", statement)
            if declared:
                ends[declared.group(1)] = 2
            elif called:
                uses.update(re.findall(r"\w+", called.group(1)))
            else:
                yield Finding(path, line, "dataflow region", statement)
        for name in sorted(ends.keys() | uses.keys()):
            if ends[name] != uses[name]:
                yield Finding(path, line, "dataflow stream", f"{name} is used {uses[name]} times")
