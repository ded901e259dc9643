"""A page that is asked for at any depth leads back into the book, and loads nothing."""

from bs4 import BeautifulSoup

from tools.check_html import page_problems
from tools.not_found import page


def test_it_leads_into_the_book_from_any_depth():
    assert BeautifulSoup(page("https://github.com/someone/near.linear"), "html.parser").base["href"] == "/near.linear/"
    assert BeautifulSoup(page(None), "html.parser").base["href"] == "/"


def test_it_keeps_to_the_rules_of_every_page():
    html = page(None)
    assert list(page_problems(html)) == []
    told = BeautifulSoup(html, "html.parser")
    assert told.html["lang"] == "en"
    assert told.find("label")["for"] == told.find("input")["id"]
    assert [link["href"] for link in told.find_all("a")] == ["index.html", "book/glossary.html"]
