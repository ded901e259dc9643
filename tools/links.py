"""What a chapter uses of the library, with links to the reference: read from its code, so that nobody keeps a list."""

import ast
from collections.abc import Iterator

import nbformat

from tools.api import origin


def used_here(notebook: nbformat.NotebookNode) -> list[str]:
    """Dotted names of all that the code cells take from the library, each once, in order."""
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    plain = "\n".join(line for line in code.splitlines() if not line.lstrip().startswith(("%", "!")))
    return list(dict.fromkeys(_names(ast.parse(plain))))


def _names(tree: ast.Module) -> Iterator[str]:
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "nearlinear":
            for alias in node.names:
                place = f"{node.module}.{alias.name}"
                modules[alias.asname or alias.name] = place
                yield place if node.module == "nearlinear" else origin(place)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            yield f"{modules[node.value.id]}.{node.attr}"


def paragraph(notebook: nbformat.NotebookNode, documented: set[str]) -> str:
    """A line of links, to stand under a chapter; empty where it uses nothing that is documented."""
    links = [f"{{py:obj}}`~{name}`" for name in used_here(notebook) if name in documented]
    return f"**From the library:** {', '.join(links)}." if links else ""
