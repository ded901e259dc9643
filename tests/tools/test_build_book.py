"""The address of the repository decides on the buttons, a warning stops the build, and pages change in one step."""

import pytest
import yaml

from tools import build_book
from tools.build_book import BuildFailed, configuration, jupyter_book, publish, repository, site, where_to_report

ADDRESS = "https://github.com/someone/near.linear"


@pytest.mark.parametrize(
    "address",
    [
        ADDRESS,
        f"{ADDRESS}.git",
        f"{ADDRESS}/",
        "git@github.com:someone/near.linear.git",
        "ssh://git@github.com/someone/near.linear",
    ],
)
def test_an_address_on_github_is_understood(monkeypatch, address):
    monkeypatch.setenv("NEARLINEAR_REPOSITORY", address)
    assert repository() == ADDRESS


@pytest.mark.parametrize(
    "address", ["", "https://example.org/someone/nearlinear", "../nearlinear", "https://github.com/someone"]
)
def test_any_other_address_gives_no_buttons(monkeypatch, address):
    monkeypatch.setenv("NEARLINEAR_REPOSITORY", address)
    assert repository() is None


def theme(address):
    return yaml.safe_load(configuration(address))["sphinx"]["config"]["html_theme_options"]


def test_buttons_appear_when_the_address_is_known():
    assert theme(None)["use_download_button"] is False
    assert "launch_buttons" not in theme(None)
    assert theme(ADDRESS)["use_download_button"] is True
    assert theme(ADDRESS)["repository_url"] == ADDRESS
    assert theme(ADDRESS)["use_issues_button"] is True
    assert theme(ADDRESS)["launch_buttons"] == {"colab_url": "https://colab.research.google.com"}


def test_sources_of_pages_are_in_the_book_only_where_a_button_gives_them():
    for address in (None, ADDRESS):
        settings = yaml.safe_load(configuration(address))["sphinx"]["config"]
        assert settings["html_copy_source"] is settings["html_theme_options"]["use_download_button"]


def test_problems_are_reported_where_the_project_is():
    assert where_to_report(ADDRESS).endswith(f"({ADDRESS}/issues).")
    assert "http" not in where_to_report(None)
    told = yaml.safe_load(configuration(None))["sphinx"]["config"]["myst_substitutions"]
    assert told == {"report": where_to_report(None)}


def test_only_the_laptop_profile_goes_to_the_readers_folder():
    assert site("laptop").relative_to(build_book.ROOT).as_posix() == "_build/html"
    assert site("smoke").relative_to(build_book.ROOT).as_posix() == "build/smoke/_build/html"


def test_new_pages_take_the_place_of_the_old(tmp_path):
    built, shown = tmp_path / "new/html", tmp_path / "_build/html"
    for folder, name in ((built, "new.html"), (shown, "old.html")):
        folder.mkdir(parents=True)
        (folder / name).touch()
    publish(built, shown)
    assert [path.name for path in shown.iterdir()] == ["new.html"]
    assert not built.exists()


def test_a_page_for_wrong_addresses_is_built_with_the_others(monkeypatch, tmp_path):
    shown = []
    (tmp_path / "book").mkdir()
    (tmp_path / "book/index.html").write_text("<html lang='en'><head></head><body><h1>First</h1></body></html>")
    monkeypatch.setattr(build_book, "jupyter_book", lambda work: work)
    monkeypatch.setattr(build_book, "publish", lambda built, _: shown.append((built / "404.html").read_text()))
    build_book.make_pages("small", tmp_path)
    assert "This page is not here" in shown[0]


def test_figures_are_laid_out_and_links_to_pages_tell_what_is_there(monkeypatch, tmp_path):
    done = []
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks/01_x.html").touch()
    monkeypatch.setenv("NEARLINEAR_REPOSITORY", ADDRESS)
    monkeypatch.setattr(build_book, "jupyter_book", lambda work: work)
    monkeypatch.setattr(build_book, "publish", lambda *_: None)
    monkeypatch.setattr(build_book.downloads, "lay_out", lambda page: done.append(page.name))
    monkeypatch.setattr(build_book.previews, "give", lambda site, address: done.append(address))
    build_book.make_pages("small", tmp_path)
    assert done == ["01_x.html", "https://someone.github.io/near.linear"]


@pytest.fixture
def work(tmp_path):
    """A book of one page, with nothing in it yet."""
    (tmp_path / "src/book").mkdir(parents=True)
    (tmp_path / "src/book/_toc.yml").write_text("format: jb-book\nroot: book/index\n")
    (tmp_path / "_config.yml").write_text("title: x\nonly_build_toc_files: true\n")
    return tmp_path


def test_a_warning_stops_the_build_and_is_told(work):
    (work / "src/book/index.md").write_text("# Title\n\nSee {doc}`nowhere`.\n")
    with pytest.raises(BuildFailed, match=r"book/index\.md:3: WARNING: unknown document: .*nowhere"):
        jupyter_book(work)
    (work / "src/book/index.md").write_text("# Title\n")
    assert (jupyter_book(work) / "book/index.html").exists()
