"""The numbers that an executed notebook glues for the pages."""

from nbformat import NotebookNode

from tests.notebooks.structure import code_cells


def glued(notebook: NotebookNode) -> dict[str, float]:
    """Name → number, of everything glued that is a number. Raises ValueError for a name that is glued twice."""
    found: dict[str, float] = {}
    for output in (output for cell in code_cells(notebook) for output in cell.outputs):
        name = output.get("metadata", {}).get("scrapbook", {}).get("name")
        text = output.get("data", {}).get("application/papermill.record/text/plain", "")
        if name is None or not is_number(text):
            continue
        if name in found:
            raise ValueError(f"{name} is glued twice")
        found[name] = float(text)
    return found


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
