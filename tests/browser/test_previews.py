"""Every page of the small book says what a link to it shows, and nothing in that is an address of this machine."""

from bs4 import BeautifulSoup

from tools.previews import LONGEST, NAME

WANTED = {"description", "og:title", "og:description", "og:type", "og:site_name", "twitter:card"}


def told(path) -> dict[str, str]:
    head = BeautifulSoup(path.read_text(encoding="utf-8").partition("</head>")[0], "html.parser")
    return {tag.get("property") or tag.get("name", ""): tag.get("content", "") for tag in head.find_all("meta")}


def test_every_page_has_a_preview(smoke_book):
    pages = [path for path in smoke_book.site.rglob("*.html") if "_static" not in path.parts and path.stem != "404"]
    assert len(pages) > 20
    for path in pages:
        about = told(path)
        assert about.keys() >= WANTED, path
        assert all(about[name].strip() for name in WANTED), path
        assert about["og:site_name"] == NAME
        assert "/root/" not in str(about)
        assert "file:" not in str(about)


def test_chapters_are_described_by_their_question(smoke_book):
    described = [told(path)["description"] for path in smoke_book.chapters]
    assert len(set(described)) == len(described)
    assert all(40 < len(words) < 2 * LONGEST and words[-1] in ".?!" for words in described)
    assert not [words for words in described if words.startswith("Time:")]
