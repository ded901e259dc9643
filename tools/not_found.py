"""The page that a server shows for an address that is not there. It is asked for at any depth, so it needs a base."""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Not found: nearlinear</title>
<base href="{base}">
<style>
  body {{ max-width: 40rem; margin: 12vh auto; padding: 0 1.5rem; font: 1.1rem/1.6 system-ui, sans-serif; }}
  body {{ color: #222; background: #fff; }}
  h1 {{ color: #0b3c5d; border-bottom: 3px solid #e8850c; padding-bottom: .6rem; }}
  a {{ color: #0b5a8a; }}
  input, button {{ font: inherit; padding: .3rem .6rem; }}
  @media (prefers-color-scheme: dark) {{
    body {{ color: #ced6dd; background: #12171c; }}
    h1, a {{ color: #8cc4ea; }}
  }}
</style>
</head>
<body>
<main>
<h1>This page is not here</h1>
<p>It has moved, or the address has a slip in it.</p>
<form action="search.html" role="search">
  <label for="q">Search the book</label>
  <input id="q" name="q" type="search">
  <button type="submit">Search</button>
</form>
<p><a href="index.html">To the first page</a> · <a href="book/glossary.html">Glossary</a></p>
</main>
</body>
</html>
"""


def page(address: str | None) -> str:
    """The page for a book that lies under the name of its repository, or at the root where that is not known."""
    return PAGE.format(base=f"/{address.rpartition('/')[2]}/" if address else "/")
