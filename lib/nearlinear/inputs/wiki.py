"""Wikipedia mark-up to plain text: a few plain rules, in a fixed order, so that everyone reads the same words."""

import bz2
import html
import io
import re
from collections.abc import Callable, Iterator
from xml.etree import ElementTree

SILENT = "ref|math|chem|gallery|timeline|imagemap|score|source|syntaxhighlight|code|pre|table"
"""Elements that are dropped with what they hold: notes, formulas, pictures, code."""

APPENDIX = "See also|References|Notes|Footnotes|Citations|Sources|Bibliography|Further reading|External links"
"""Sections that are lists of pointers, not prose."""

SPEAKING = {"convert": (0, 1), "cvt": (0, 1), "lang": (1,), "transl": (1,)} | dict.fromkeys(
    ("abbr", "angbr", "as of", "ipa", "nihongo", "nowrap", "quote", "small", "unicode", "vanchor"), (0,)
)
"""Templates whose parameters are words of the sentence, and which ones; every other template is dropped."""

_COMMENT = re.compile(r"<!--.*?-->", re.S)
_SILENT = re.compile(rf"<({SILENT})\b[^<>]*?/>|<({SILENT})\b[^<>]*>.*?</\2\s*>", re.S | re.I)
_SIGNPOST = re.compile(r"\{\{(?:disambig\w*|geodis|hndis)\b", re.I)

# Innermost first: none of these matches while another of them is open inside it.
_INSIDE = r"(?:[^{}\[\]]|\{(?!\{)|\}(?!\})|\[(?!\[)|\](?!\]))*?"
_TEMPLATE = re.compile(r"\{\{(" + _INSIDE + r")\}\}")
_LINK = re.compile(r"\[\[(" + _INSIDE + r")\]\]")
_TABLE = re.compile(r"^[ :]*\{\|(?:(?!^[ :]*\{\|).)*?^[ ]*\|\}", re.S | re.M)

_NO_TEXT = re.compile(r" *:?(?:file|image|category|[a-z]{2,3}):", re.I)
_WEB_LINK = re.compile(r"\[(?:https?:)?//[^\s\]]+ ?([^\]]*)\]")
_TAG = re.compile(r"</?[a-z][^<>]*>", re.I)
_SWITCH = re.compile(r"'{2,}|__[A-Z]+__")
_APPENDIX = re.compile(rf"^== *(?:{APPENDIX})\b[^=\n]*==[ ]*$.*?(?=^==[^=]|\Z)", re.S | re.M | re.I)
_EMPTY_SECTION = re.compile(r"^(={2,6})[^=\n]+\1[ ]*\n\s*(?=\1[^=]|\Z)", re.M)
_HEADING = re.compile(r"^(={2,6})[ ]*(.*?)[ ]*\1[ ]*$", re.M)
_LIST = re.compile(r"^[*#:;]+ *", re.M)
_HOLE = re.compile(r" *\([\s,;]*\)| +(?=[,.;:)](?:\s|$))|(?<=\()[\s,;]+")


def articles(dump: bytes) -> Iterator[str]:
    """The plain text of each article of a compressed MediaWiki export, in order.

    Left out: redirects, pages that only point to others, pages that are about Wikipedia itself.
    """
    with bz2.open(io.BytesIO(dump)) as xml:
        for _, page in ElementTree.iterparse(xml):
            if page.tag.endswith("}page"):
                if page.findtext("{*}ns") == "0" and page.find("{*}redirect") is None:
                    yield clean(page.findtext("{*}revision/{*}text") or "")
                page.clear()


def clean(markup: str) -> str:
    """Plain text of one page: paragraphs, list items and headings; empty for a page that only points to others."""
    if _SIGNPOST.search(markup):
        return ""
    text = _WEB_LINK.sub(r"\1", _SILENT.sub("", _COMMENT.sub("", markup)))
    text = _until_still(text, (_TEMPLATE, _template_text), (_LINK, _link_text), (_TABLE, ""))
    text = _TAG.sub("", re.sub(r"<br[^<>]*>", " ", text))
    text = _until_still(_APPENDIX.sub("", _SWITCH.sub("", text)), (_EMPTY_SECTION, ""))
    text = _LIST.sub("", _HEADING.sub(r"\2", text))
    return _tidy(html.unescape(text))


def _until_still(text: str, *rules: tuple[re.Pattern, str | Callable[[re.Match], str]]) -> str:
    """Apply the rules again and again, because templates, links and tables nest."""
    changed = True
    while changed:
        changed = False
        for pattern, replacement in rules:
            text, count = pattern.subn(replacement, text)
            changed = changed or count > 0
    return text


def _template_text(match: re.Match) -> str:
    name, *parts = match[1].split("|")
    words = [part.strip() for part in parts if not re.match(r"\s*[\w -]+=", part)]
    return " ".join(words[i] for i in SPEAKING.get(name.strip().lower(), ()) if i < len(words))


def _link_text(match: re.Match) -> str:
    """The words that a link shows: after the bar, if there is one; nothing for pictures and categories."""
    return "" if _NO_TEXT.match(match[1]) else match[1].rpartition("|")[2]


def _tidy(text: str) -> str:
    """Close the holes that dropped mark-up leaves: empty brackets, doubled spaces, rows of empty lines."""
    lines = (re.sub(r"[ \t]+", " ", line).strip() for line in text.replace("\xa0", " ").split("\n"))
    return re.sub(r"\n{3,}", "\n\n", _HOLE.sub("", "\n".join(lines))).strip()
