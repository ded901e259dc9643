"""Wikipedia mark-up to text, rule by rule."""

import bz2

import pytest

from nearlinear.inputs.wiki import articles, clean


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("'''Bold''' and ''italic'' and '''''both'''''.", "Bold and italic and both."),
        ("A [[cat]], a [[dog|hound]], [[dog]]s.", "A cat, a hound, dogs."),
        ("See [http://a.b the page] here.", "See the page here."),
        ("Seen.<ref>Smith, p. 3</ref> Said.<ref name=x /> Done.", "Seen. Said. Done."),
        ('A<ref name="a">x</ref> b<ref group=n>y</ref>.', "A b."),
        ("Before <!-- not\nthis --> after.", "Before after."),
        ("{{Infobox|a={{nested|b}}|c=d}}Text.", "Text."),
        ("{{Infobox|image=[[File:a.png|thumb|{{small|x}}]]}}Text.", "Text."),
        ("It is {{convert|5|km|mi}} long.", "It is 5 km long."),
        ("In {{lang|fr|le chat}} it is.", "In le chat it is."),
        ("The letters {{angbr|a}} and {{Small|b}}.", "The letters a and b."),
        ("{{quote|To be [[thing|or not]] to be|sign=W}}", "To be or not to be"),
        ("Name ({{IPA-en|x}}; {{lang-fr|y}}) is.", "Name is."),
        ("Name ({{IPA-en|x}}, 1900) is.", "Name (1900) is."),
        ("Word {{citation needed}}, more {{x}}.", "Word, more."),
        ("[[File:a.jpg|thumb|A [[cat]] and [http://x y]]]Text.", "Text."),
        ("[[Category:Cats]]\n[[fr:Chat]]\nText.", "Text."),
        ("Text.\n{| class=x\n! a\n|-\n| b {{c}}\n|}\nMore.", "Text.\n\nMore."),
        ("{|\n|\n{|\n| in\n|}\n|}\nText.", "Text."),
        ("* one\n** two\n# three\n: four\n; five", "one\ntwo\nthree\nfour\nfive"),
        ("a<br/>b <small>c</small> <span class=x>d</span>", "a b c d"),
        ("x = <math>a{{b}}^2</math> holds.", "x = holds."),
        ("5&nbsp;km &ndash; far &amp; wide", "5 km – far & wide"),
        ("__NOTOC__ Text.", "Text."),
        ("a\n\n\n\n\nb   c", "a\n\nb c"),
        ("A set {1, 2} and a list [3].", "A set {1, 2} and a list [3]."),
        ("== Life ==\nBorn.\n\n=== Youth ===\nYoung.", "Life\nBorn.\n\nYouth\nYoung."),
        ("Text.\n\n== See also ==\n* [[x]]\n\n== Life ==\nBorn.", "Text.\n\nLife\nBorn."),
        ("Text.\n\n== References ==\n{{reflist}}\n\n=== Notes ===\nn\n", "Text."),
        ("Text.\n\n== Gallery ==\n{{x}}\n\n== Life ==\nBorn.", "Text.\n\nLife\nBorn."),
        ("== Life ==\n\n=== Youth ===\nYoung.", "Life\n\nYouth\nYoung."),
        ("'''Ada''' may refer to:\n* [[a]]\n{{disambiguation}}", ""),
        ("", ""),
    ],
)
def test_rules(markup, text):
    assert clean(markup) == text


def test_unbalanced_markup_ends():
    assert clean("a {{ b [[ c {| d") == "a {{ b [[ c {| d"


def page(title: str, ns: int, text: str, more: str = "") -> str:
    return f"<page><title>{title}</title><ns>{ns}</ns>{more}<revision><text>{text}</text></revision></page>"


def test_only_articles_of_an_export_are_read():
    pages = [
        page("A", 0, "One &lt;br&gt; two."),
        page("B", 0, "#REDIRECT [[A]]", '<redirect title="A" />'),
        page("Talk:A", 1, "Chatter."),
        page("C", 0, "Three."),
        "<page><title>D</title><ns>0</ns><revision><text /></revision></page>",
    ]
    export = f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.10/">{"".join(pages)}</mediawiki>'
    assert list(articles(bz2.compress(export.encode()))) == ["One two.", "Three.", ""]
