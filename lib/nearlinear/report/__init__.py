"""Any model through every measure, onto one page: what `nearlinear report` does.

`gather` measures, and is the only module here that needs torch; the others make words, figures and files of results.
"""
