"""Names and texts that would like to run: nothing that the book or a report shows lets them."""

import re

import ipywidgets as widgets
import pytest
from bs4 import BeautifulSoup

from nearlinear import show
from nearlinear.report import files
from nearlinear.report.types import LargeToken
from tests.browser.visit import Setting, chromium, opened
from tests.report.made import report, study
from tests.show import synthetic

RUN = "document.documentElement.dataset.ran='yes'"
PAYLOADS = (
    f"<script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f'"><svg onload={RUN}>',
    f"'><details open ontoggle={RUN}>",
    f"</style></title></textarea></svg><script>{RUN}</script>",
    f"]]><script>{RUN}</script>",
    f"<a href=javascript:{RUN}>x</a><base href=//nobody.invalid>",
    f"<iframe srcdoc='<script>parent.{RUN}</script>'></iframe>",
)
EVIL = "".join(PAYLOADS)
FORBIDDEN = ["script", "iframe", "object", "embed", "link", "form", "base", "meta"]


def evil(result):
    """The same result, with a hostile word wherever a name or a note stands."""
    made = result.provenance
    model = made.model.model_copy(
        update={"id": EVIL, "note": EVIL, "revision": EVIL, "architecture": f"CausalLM{EVIL}"}
    )
    corpus = made.corpus.model_copy(update={"id": EVIL, "note": EVIL})
    words = dict.fromkeys(("device", "dtype", "precision", "commit", "command", "created"), EVIL)
    more = {"model": model, "corpus": corpus, "versions": {EVIL: EVIL}, "seconds": 1.0}
    made = made.model_copy(update=words | more)
    if not hasattr(result, "model_copy"):
        object.__setattr__(result, "provenance", made)  # frozen, and too large to be copied
        object.__setattr__(result, "text", tuple(f"{EVIL}{i % 9}" for i in range(result.n)))
        return result
    reason = {"reason": EVIL, "reliable": False} if hasattr(result, "reason") else {}
    return result.model_copy(update={"provenance": made, **reason})


@pytest.fixture(scope="module")
def hostile() -> dict:
    return {
        "profile": evil(synthetic.profile(L=3)),
        "errors": evil(synthetic.token_errors(L=2, windows=2, length=30)),
        "needed": evil(synthetic.tokens_needed(L=2)),
        "study": evil(study(L=3)),
    }


CALLS = {
    "scores_by_block": ("profile",),
    "update_scores_by_block": ("profile",),
    "update_sizes": ("profile",),
    "controls": ("profile",),
    "identity": ("profile",),
    "block_picker": ("profile",),
    "update_picker": ("profile",),
    "provenance_table": ("profile",),
    "tokens_needed": ("needed",),
    "error_histograms": ("errors",),
    "heavy_tails": ("errors",),
    "histogram_picker": ("errors",),
    "token_map": ("errors", 1),
    "token_map_picker": ("errors",),
    "damage_by_block": ("study",),
    "damage_picker": ("study",),
    "pruning_curves": ("study",),
}
"""What draws or tells a result that may come from a reader's own model and text."""


def html_of(shown) -> str:
    """All the HTML that something shows."""
    if isinstance(shown, widgets.Widget):
        children = "".join(html_of(child) for child in getattr(shown, "children", ()))
        return children + (shown.value if isinstance(shown, widgets.HTML) else "")
    return shown._repr_mimebundle_()["text/html"]


def harmless(html: str) -> bool:
    soup = BeautifulSoup(html, "html.parser")
    handlers = [name for tag in soup.find_all(True) for name in tag.attrs if re.match("on|srcdoc|formaction", name)]
    places = [tag.get(name, "") for tag in soup.find_all(True) for name in ("href", "src", "xlink:href")]
    return not soup.find_all(FORBIDDEN) and not handlers and not any("script:" in place for place in places)


@pytest.fixture(scope="module")
def shown(hostile) -> dict[str, str]:
    return {name: html_of(getattr(show, name)(*(hostile.get(each, each) for each in of))) for name, of in CALLS.items()}


@pytest.mark.parametrize("name", CALLS)
def test_what_is_shown_runs_nothing(shown, name):
    assert harmless(shown[name])
    assert "onerror" in shown[name]  # the name is there, as letters


def test_the_check_sees_what_runs():
    for payload in PAYLOADS:
        assert not harmless(f'<p title="x">{payload}</p>'), payload


def test_rows_of_a_table_run_nothing(hostile):
    html = show.paper_and_ours(show.linearity_rows(hostile["profile"])).html
    assert harmless(html)


@pytest.fixture(scope="module")
def page(tmp_path_factory, hostile):
    """The page of a report about a hostile model."""
    plain = report(hostile["profile"], pruning=hostile["study"])
    token = LargeToken(text=EVIL, window=0, position=3, block=1, times=20.0)
    hidden = plain.hidden.model_copy(update={"largest": (token,)})
    spec = plain.spec.model_copy(update={"model": EVIL, "corpus": EVIL})
    changed = plain.model_copy(update={"hidden": hidden, "spec": spec})
    return files.write(changed, tmp_path_factory.mktemp("report"))


def ran(*paths) -> list[list[str]]:
    """What ran on each page, or was asked for outside, in a browser."""
    with chromium() as browser:
        return [ran_on(browser, path.resolve().as_uri()) for path in paths]


def ran_on(browser, address: str) -> list[str]:
    dialogs: list[str] = []
    with opened(browser, address, Setting("file", "light", 1280)) as visit:
        visit.page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
        for summary in visit.page.locator("summary").all():
            summary.click()
        visit.page.wait_for_timeout(200)
        told = visit.page.evaluate("document.documentElement.dataset.ran || ''")
        return [*dialogs, *visit.outside, *filter(None, [told])]


def test_a_report_runs_nothing_in_a_browser_with_its_policy_and_without(page):
    html = page.read_text(encoding="utf-8")
    policy = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>\n')
    bare = page.with_name("bare.html")
    bare.write_text(policy.sub("", html), encoding="utf-8")
    assert len(policy.findall(html)) == 1
    assert ran(page, bare) == [[], []]


def test_figures_and_tables_run_nothing_in_a_browser(shown, tmp_path):
    book, open_page = tmp_path / "book.html", tmp_path / "open.html"
    head = "<!doctype html><html lang=en><meta charset=utf-8><title>t</title><body>"
    book.write_text(head + "".join(shown.values()), encoding="utf-8")
    open_page.write_text(head + EVIL, encoding="utf-8")
    closed, wide_open = ran(book, open_page)
    assert closed == []
    assert "yes" in wide_open  # or nothing would be proved
