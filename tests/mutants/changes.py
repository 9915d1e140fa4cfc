"""Mutants of a module: its syntax tree with one small change each, of the kinds that programmers make by mistake."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Function = ast.FunctionDef | ast.AsyncFunctionDef

SWAPPED: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
    ast.Break: (ast.Continue,),
    ast.Continue: (ast.Break,),
}
"""The operators and statements that take the place of another."""

NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
"""Functions that take the place of another."""

SYMMETRIC = frozenset({"min", "max", "isclose", "array_equal", "maximum", "minimum"})
"""Functions whose result does not depend on the order of their arguments."""


@dataclass(frozen=True, slots=True)
class Change:
    """One mutant. ``name`` is the file, the text of the line and the change, so that it survives edits elsewhere.

    ``lines`` are those of the changed part. ``function`` is the outermost function around it, as (name, first line);
    None if it runs when the module is imported. ``apply`` makes the change in the tree, for good.
    """

    name: str
    lines: frozenset[int]
    function: tuple[str, int] | None
    apply: Callable[[], None]


def find_changes(tree: ast.Module, source: str, file: Path) -> list[Change]:
    """Return every mutant of a module, in the order of its lines."""
    lines, seen = source.splitlines(), Counter[str]()
    changes = []
    for old, new, put, function in _replacements(tree, None):
        text = f"drop {ast.unparse(old)}" if isinstance(new, ast.Pass) else f"{ast.unparse(old)} → {ast.unparse(new)}"
        name = f"{file} | {lines[old.lineno - 1].strip()} | {' '.join(text.split())}"
        seen[name] += 1
        name += f" ({seen[name]})" if seen[name] > 1 else ""
        span = frozenset(range(old.lineno, (old.end_lineno or old.lineno) + 1))
        changes.append(Change(name, span, function, lambda new=new, put=put: put(new)))
    return changes


def _replacements(
    node: ast.AST, function: tuple[str, int] | None
) -> Iterator[tuple[ast.stmt | ast.expr, ast.stmt | ast.expr, Callable[[ast.AST], None], tuple[str, int] | None]]:
    """Yield (old, new, function that puts the new one in the old one's place, function around it)."""
    for child, put in _children(node):
        inner = function
        if isinstance(child, Function) and not function:
            inner = (child.name, min([child.lineno, *(d.lineno for d in child.decorator_list)]))
        if isinstance(child, ast.stmt | ast.expr):
            for new in _variants(child, node):
                ast.fix_missing_locations(ast.copy_location(new, child))
                yield child, new, put, function
        if isinstance(child, ast.Raise):
            continue  # the words of a message
        yield from _replacements(child, inner if not isinstance(child, ast.arguments) else None)


def _children(node: ast.AST) -> Iterator[tuple[ast.AST, Callable[[ast.AST], None]]]:
    """Yield the parts that may change, with the function that replaces each. Annotations and decorators may not."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases", "format_spec"):
            continue
        if isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield item, lambda new, value=value, index=index: value.__setitem__(index, new)
        elif isinstance(value, ast.AST):
            yield value, lambda new, field=field: setattr(node, field, new)


def _variants(node: ast.stmt | ast.expr, parent: ast.AST) -> Iterator[ast.stmt | ast.expr]:
    """Yield what may take the place of a statement or an expression."""
    yield from _VARIANTS.get(type(node), _no_variants)(node)
    if _is_droppable(node):
        yield ast.Pass()
    if _is_condition(node, parent):
        yield ast.UnaryOp(ast.Not(), copy.deepcopy(node))


def _is_droppable(node: ast.AST) -> bool:
    """True for a statement without which the others still have their names."""
    match node:
        case ast.Expr():
            return not isinstance(node.value, ast.Constant | ast.Yield | ast.YieldFrom)
        case ast.Assign():
            return isinstance(node.targets[0], ast.Attribute | ast.Subscript)
    return isinstance(node, ast.AugAssign | ast.Raise | ast.Delete)


def _is_condition(node: ast.AST, parent: ast.AST) -> bool:
    """True for a condition that is not varied anyway, as comparisons are."""
    if isinstance(node, ast.Compare):
        return False
    return (isinstance(parent, ast.If | ast.While) and parent.test is node) or (
        isinstance(parent, ast.comprehension) and node in parent.ifs
    )


def _no_variants(_: ast.AST) -> Iterator[ast.expr]:
    yield from ()


def _other_comparisons(node: ast.Compare) -> Iterator[ast.expr]:
    for index, operator in enumerate(node.ops):
        for other in SWAPPED[type(operator)]:
            yield _with(node, ops=[*node.ops[:index], other(), *node.ops[index + 1 :]])


def _other_logic(node: ast.BoolOp) -> Iterator[ast.expr]:
    yield _with(node, op=SWAPPED[type(node.op)][0]())
    for index in range(len(node.values)):
        rest = [*node.values[:index], *node.values[index + 1 :]]
        yield _with(node, values=rest) if len(rest) > 1 else copy.deepcopy(rest[0])


def _other_arithmetic(node: ast.BinOp | ast.AugAssign) -> Iterator[ast.expr]:
    for other in SWAPPED.get(type(node.op), ()):
        yield _with(node, op=other())


def _operand(node: ast.UnaryOp) -> Iterator[ast.expr]:
    if isinstance(node.op, ast.Not | ast.USub):
        yield copy.deepcopy(node.operand)


def _branches(node: ast.IfExp) -> Iterator[ast.expr]:
    yield copy.deepcopy(node.body)
    yield copy.deepcopy(node.orelse)


def _other_calls(node: ast.Call) -> Iterator[ast.expr]:
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    if isinstance(node.func, ast.Name) and name in NAMES:
        yield _with(node, func=ast.Name(NAMES[name], ast.Load()))
    *first, before, last = [None, None, *node.args]
    if len(node.args) not in (2, 3) or name in SYMMETRIC or any(isinstance(a, ast.Starred) for a in node.args):
        return
    if ast.dump(before) != ast.dump(last):
        yield _with(node, args=[*first[2:], last, before])


def _other_constants(node: ast.Constant) -> Iterator[ast.expr]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value + 1)
        if value:
            yield ast.Constant(value - 1)


def _no_result(node: ast.Return) -> Iterator[ast.stmt]:
    if node.value and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield ast.Return(ast.Constant(None))


def _other_jump(node: ast.Break | ast.Continue) -> Iterator[ast.stmt]:
    yield SWAPPED[type(node)][0]()


_VARIANTS: dict[type[ast.AST], Callable[[Any], Iterator[Any]]] = {
    ast.Compare: _other_comparisons,
    ast.BoolOp: _other_logic,
    ast.BinOp: _other_arithmetic,
    ast.AugAssign: _other_arithmetic,
    ast.UnaryOp: _operand,
    ast.IfExp: _branches,
    ast.Call: _other_calls,
    ast.Constant: _other_constants,
    ast.Return: _no_result,
    ast.Break: _other_jump,
    ast.Continue: _other_jump,
}


def _with(node: Any, **fields: object) -> Any:
    """Return a deep copy of a node with other fields."""
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return copy.deepcopy(changed)
