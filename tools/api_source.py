"""What a module of the library offers, read from its source: nothing is imported, so that no page waits for torch."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tools.profiles import ROOT

LIBRARY = ROOT / "lib/nearlinear"


@dataclass(frozen=True)
class Thing:
    """A function, class, constant, method, property or field: its name, how it is written, and what it says of itself.

    kind: of Sphinx's Python domain. parameters: names that its docstring may explain.
    """

    kind: str
    name: str
    signature: str
    doc: str
    parameters: tuple[str, ...] = ()
    value: str = ""
    members: tuple["Thing", ...] = field(default=())


@dataclass(frozen=True)
class Module:
    """A module by its dotted name: its docstring, and what in it is public and described, as it stands in the file."""

    name: str
    doc: str
    things: tuple[Thing, ...]
    imports: dict[str, str]


def path_of(module: str) -> Path:
    """The file of a dotted name."""
    path = ROOT / "lib" / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def read(module: str) -> Module:
    """The public surface of a module: what has no underscore and has a docstring."""
    path = path_of(module)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return Module(module, ast.get_docstring(tree) or "", tuple(things(tree.body)), imported(tree, package))


def imported(tree: ast.Module, package: str) -> dict[str, str]:
    """Name in the module → where it comes from, for names that come from this library."""
    found = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            home = ".".join([*above, *([node.module] if node.module else [])])
            if home.split(".")[0] == "nearlinear":
                found |= {alias.asname or alias.name: f"{home}.{alias.name}" for alias in node.names}
    return found


def things(body: list[ast.stmt]) -> Iterator[Thing]:
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef) and public(node):
            yield function(node, "function")
        elif isinstance(node, ast.ClassDef) and public(node):
            yield class_(node)
        elif (name := assigned(node)) and not name.startswith("_") and (said := string(after)):
            yield Thing("data", name, name, said)


def public(node: ast.FunctionDef | ast.ClassDef) -> bool:
    return not node.name.startswith("_") and ast.get_docstring(node) is not None


def assigned(node: ast.stmt) -> str:
    """The one name that a statement assigns to, or nothing."""
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else ""


def string(node: ast.stmt | None) -> str:
    """What stands under a constant to describe it."""
    is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return node.value.value if is_text else ""


def function(node: ast.FunctionDef, kind: str, *, bound: bool = False) -> Thing:
    """A function or method; `bound` leaves self out."""
    node = Unquoted().visit(node)
    arguments = node.args
    first = [*arguments.posonlyargs, *arguments.args][:1]
    if bound and first:
        (arguments.posonlyargs or arguments.args).pop(0)
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    answer = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    signature = f"{node.name}({ast.unparse(arguments)}){answer}"
    return Thing(kind, node.name, signature, ast.get_docstring(node) or "", tuple(names))


class Unquoted(ast.NodeTransformer):
    """Types that are written as strings, because their class does not exist yet, as the names they are."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = self.type_of(node.returns)
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            argument.annotation = self.type_of(argument.annotation)
        return node

    def type_of(self, annotation: ast.expr | None) -> ast.expr | None:
        quoted = isinstance(annotation, ast.Constant) and isinstance(annotation.value, str)
        return ast.parse(annotation.value, mode="eval").body if quoted else annotation


def class_(node: ast.ClassDef) -> Thing:
    """A class with its fields, or with the arguments of `__init__`, and with what it does that is described."""
    fields = tuple(fields_of(node))
    start = next((n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
    called = function(start, "method", bound=True) if start else None
    arguments = called.signature.removeprefix("__init__").partition(" -> ")[0] if called else ""
    names = called.parameters if called else tuple(one.name for one in fields)
    members = fields + tuple(methods(node))
    return Thing("class", node.name, node.name + arguments, ast.get_docstring(node) or "", names, "", members)


def fields_of(node: ast.ClassDef) -> Iterator[Thing]:
    """Annotated fields, with their defaults."""
    for one, after in zip(node.body, [*node.body[1:], None], strict=True):
        if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name) and not one.target.id.startswith("_"):
            kind = ast.unparse(one.annotation)
            if not kind.startswith("ClassVar"):
                value = ast.unparse(one.value) if one.value else ""
                yield Thing("attribute", one.target.id, kind, string(after), (), value)


def methods(node: ast.ClassDef) -> Iterator[Thing]:
    for one in node.body:
        if isinstance(one, ast.FunctionDef) and public(one):
            marks = {ast.unparse(mark) for mark in one.decorator_list}
            if marks & {"property", "cached_property"}:
                yield Thing(
                    "property", one.name, ast.unparse(one.returns) if one.returns else "", ast.get_docstring(one)
                )
            else:
                kind = next((f"{mark}" for mark in ("classmethod", "staticmethod") if mark in marks), "method")
                yield function(one, kind, bound=kind != "staticmethod")
