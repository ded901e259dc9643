"""Many models at once: a sweep of linearity runs described in one file, and the atlas that its results make.

`spec`, `yaml_file`: what to run. `cell`: one run, kept when it is finished. `engines`: where runs happen. `atlas…`: the
results of all as one table with linked figures, without torch.
"""
