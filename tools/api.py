"""The reference of the library as pages: signatures and docstrings from the source, cross-linked, for Jupyter Book."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tools.api_source import LIBRARY, Module, Thing, read
from tools.profiles import NOTEBOOKS

CODE = re.compile(r"(`[^`\n]+`)")
EMPHASIS = re.compile(r"((?<!\w)\*\w(?:[\w ]*\w)?\*(?!\w))")
MARKS = re.compile(r"([*_~<>$\[\]{}\\]|^[#=+](?=\s))")
NAME = re.compile(r"(?<![\w.'\"])[A-Za-z_]\w*(?=[\s\]|,)=]|$)")
LONGEST = 50
"""Letters of a default that is still shown."""
NAMES = re.compile(r"^(`?\w+`?(?:, `?\w+\*?`?)*):(?= )")


@dataclass(frozen=True)
class Page:
    """One page of the reference: modules, or (`of`) what one package takes from its modules."""

    title: str
    intro: str
    modules: tuple[str, ...] = ()
    of: str = ""


def under(package: str, names: str) -> tuple[str, ...]:
    return tuple(f"nearlinear.{package}.{name}" for name in names.split())


CHECKS = tuple(f"nearlinear.{path.stem}" for path in sorted(LIBRARY.glob("check*.py")))
PAGES = {
    "studies": Page(
        "Studies",
        "A *specification* says what to compute. These functions answer it: from a recorded file, from your cache, or "
        "by doing the work.",
        (
            "nearlinear.study",
            "nearlinear.recorded",
            *under("results", "specs profile_spec pruning_specs training training_specs training_studies"),
        ),
    ),
    "inputs": Page(
        "Models and texts",
        "Where models and texts come in. No other part of the library touches the network.",
        under("inputs", "load models text corpora windows tasks"),
    ),
    "measure": Page(
        "Measures",
        "The residual stream, its second moments, and what is read out of them.",
        under("measure", "linearity profile residual moments heldout geometry precision perplexity shape signal"),
    ),
    "edit": Page(
        "Edits",
        "Blocks removed, replaced and distilled; orders to do it in; pruned models saved.",
        under("edit", "edits fitting standins orders angles greedy rescore measures prune distil heal export cost"),
    ),
    "blocks": Page(
        "Blocks",
        "The simplified blocks, and models around them that `transformers` loads, runs and saves.",
        under(
            "blocks",
            "config model backbone blocks parts mixing attention positions cache convert fold decay counting apart "
            "collapse",
        ),
    ),
    "train": Page(
        "Training",
        "One plain loop, what it reads, what it lowers, and what is kept on the way.",
        under("train", "run loop models texts tokens batches losses looking regularise finetune kept save yaml_specs"),
    ),
    "fleet": Page(
        "Many models",
        "A sweep over models, texts and seeds, and the atlas that its results make.",
        under("fleet", "spec yaml_file cell engines atlas_rows atlas_found atlas_drawings atlas_html atlas_page"),
    ),
    "evaluate": Page(
        "Evaluating",
        "Perplexity, and questions with a few answers each.",
        under("evaluate", "perplexity choices questions answers"),
    ),
    "results": Page(
        "Results",
        "What measurements answer with: frozen, checked, with their provenance. Nothing here needs torch.",
        under(
            "results",
            "provenance store types signal pruning variants again distillation answers continuations training_views "
            "meeting finetuning sizes counting claims inventory",
        ),
    ),
    "show": Page(
        "Figures and tables",
        "A result goes in; a figure, a picker, a table or a sentence comes out. Nothing here needs torch.",
        of="nearlinear.show",
    ),
    "check": Page("Checks of the exercises", "Hand in an answer; read whether it is right, or get a hint.", CHECKS),
}


def pages() -> Iterator[tuple[str, str]]:
    """Path under the book and text of every page of the reference."""
    chosen = {name: list(modules_of(name, page)) for name, page in PAGES.items()}
    places = {place: shown for place, (kind, shown) in entries(chosen).items() if kind == "class"}
    for name, page in PAGES.items():
        home = f"```{{py:module}} {page.of}\n```\n" if page.of else ""
        parts = [section(module, places, page.of) for module in chosen[name]]
        yield f"book/api/{name}.md", "\n".join([f"# {page.title}\n\n{page.intro}\n", home, *parts])


def entries(chosen: dict[str, list[Module]]) -> dict[str, tuple[str, str]]:
    """Where a thing is defined → its kind, and the name under which its page has it."""
    return {
        f"{module.name}.{thing.name}": (thing.kind, f"{PAGES[name].of or module.name}.{thing.name}")
        for name, modules in chosen.items()
        for module in modules
        for thing in module.things
    }


def documented() -> set[str]:
    """Every name that the reference has an entry for."""
    chosen = {name: list(modules_of(name, page)) for name, page in PAGES.items()}
    return {shown for _, shown in entries(chosen).values()}


def modules_of(name: str, page: Page) -> Iterator[Module]:
    """The modules of a page, and those that a chapter imports from besides.

    Of modules that a package takes from: only what it offers itself, each thing in its place.
    """
    listed = {module for one in PAGES.values() for module in one.modules}
    besides = sorted(module for module in used() - listed if home_page(module) == name)
    yield from map(read, [*page.modules, *besides])
    if page.of:
        homes: dict[str, list[str]] = {}
        for place in read(page.of).imports.values():
            home, _, thing = origin(place).rpartition(".")
            homes.setdefault(home, []).append(thing)
        for home, names in homes.items():
            module = read(home)
            yield Module(home, module.doc, tuple(t for t in module.things if t.name in names), module.imports)


def origin(place: str) -> str:
    """Where a thing is defined, by the dotted name under which another module passes it on."""
    home, _, name = place.rpartition(".")
    handed_on = read(home).imports.get(name)
    return origin(handed_on) if handed_on else place


def used() -> set[str]:
    """The modules that the chapters import names from: whatever they are, readers meet them."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    return set(re.findall(r"from (nearlinear(?:\.\w+)+) import", source))


def home_page(module: str) -> str:
    """Which page a module belongs to, by its name."""
    _, package, *rest = module.split(".")
    plans = package == "results" and re.search(r"specs?$|studies$", module)
    return "studies" if plans or not rest else package


def section(module: Module, places: dict[str, str], package: str = "") -> str:
    """A module as part of a page. places: where each class is documented. package: that offers its things, if any."""
    title = module.name.removeprefix(f"{package}." if package else "nearlinear.")
    home = "" if package else f"```{{py:module}} {module.name}\n```\n"
    own = {thing.name: f"{module.name}.{thing.name}" for thing in module.things}
    namesakes = {place.rpartition(".")[2] for place in places}  # of a class elsewhere, which is not meant
    linked = {name: f"other.{name}" for name in namesakes}
    linked |= {name: places[place] for name, place in (own | module.imports).items() if place in places}
    told = (entry(thing, linked) for thing in module.things)
    return "\n".join([f"## {title}\n\n{home}\n{prose(module.doc)}\n", *told])


def entry(thing: Thing, linked: dict[str, str]) -> str:
    """A function, class or constant as directives, its members inside it."""
    fields = [field for field in thing.members if field.kind == "attribute"]
    listed = "".join(map(field_line, fields)) + "\n" if fields else ""
    members = "".join(member(one, linked) for one in thing.members if one.kind != "attribute")
    arguments = link(thing.signature.removeprefix(thing.name), linked)
    return f"::::::{{py:{thing.kind}}} {thing.name}{arguments}\n\n{described(thing)}\n{listed}{members}::::::\n"


def field_line(field: Thing) -> str:
    """A field of a record as a line of a list: name, type, and the default where it is short."""
    value = f" = {field.value}" if 0 < len(field.value) <= LONGEST else ""
    said = f": {escaped(' '.join(field.doc.split()))}" if field.doc else ""
    return f"- `{field.name}: {field.signature}{value}`{said}\n"


def member(thing: Thing, linked: dict[str, str]) -> str:
    """A property or a method of a class."""
    typed = f"\n:type: {link(thing.signature, linked)}" if thing.kind == "property" and thing.signature else ""
    arguments = "" if typed else link(thing.signature.removeprefix(thing.name), linked)
    head = f"{{py:{thing.kind}}} {thing.name}{arguments}{typed}\n"
    return f":::{head}:no-index-entry:\n:no-contents-entry:\n\n{described(thing)}:::\n\n"


def link(signature: str, linked: dict[str, str]) -> str:
    """A signature in which names of documented classes say where they are, so that they become links."""
    return NAME.sub(lambda name: linked.get(name[0], name[0]), signature)


def described(thing: Thing) -> str:
    return prose(thing.doc, thing.parameters) + "\n" if thing.doc else ""


def prose(doc: str, parameters: tuple[str, ...] = ()) -> str:
    """A docstring as Markdown: marks are letters, `code` stays code, parameters that are explained become a list."""
    lines: list[str] = []
    listing = False
    for line in doc.splitlines():
        names = parameters_of(line, parameters)
        if line.startswith("Raises ") or (names and not listing):
            lines.append("")
        listing = bool(names) or (listing and bool(line.strip()) and not line.startswith("Raises "))
        if names:
            line = ", ".join(f"`{name}`" for name in names) + ": " + escaped(line.partition(": ")[2])
            lines.append(f"- {line}")
        elif line.startswith("    "):
            lines.append(line)
        else:
            lines.append(("  " if listing else "") + escaped(line))
    return "\n".join(lines).strip() + "\n"


def parameters_of(line: str, parameters: tuple[str, ...]) -> list[str]:
    """The names that a line begins to explain, if one of them is a parameter."""
    found = NAMES.match(line)
    names = re.findall(r"\w+\*?", found[1]) if found else []
    return names if set(names) & set(parameters) else []


def escaped(line: str) -> str:
    """Marks of Markdown outside `code` as the letters they are meant to be; *one word* stays emphasised."""
    parts = re.split(f"{CODE.pattern}|{EMPHASIS.pattern}", line)
    kept = {part for part in parts if part and (CODE.fullmatch(part) or EMPHASIS.fullmatch(part))}
    return "".join(part if part in kept else MARKS.sub(r"\\\1", part) for part in parts if part)
