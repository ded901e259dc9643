"""Any model through every measure, onto one page: what `nearlinear report` does.

`gather` measures, and alone needs torch, and that only for what is not in the cache; the others make words, figures and
files of results.
"""
