# Every target makes the environment (.venv) by itself; PROFILE is smoke, laptop, colab or gpu; FOR is the Python of a pack.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
PROFILE ?= laptop
MINUTES ?= 25
FOR ?= 3.12
RUN := .venv/bin/python

# glibc: keep freed memory for the next block in place of giving it back; asking anew costs 8 % of pass 1.
export MALLOC_MMAP_THRESHOLD_ = 33554432
export MALLOC_TRIM_THRESHOLD_ = 1073741824

.PHONY: help setup book serve test results bench gpu slides pdf pack clean

help:  ## Say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup:  ## Make the environment, or do nothing where it stands
	@test -n "$(PYTHON)" || { echo "setup: Python 3.11, 3.12 or 3.13 is needed and none was found; install one, or say make PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" tools/environment.py

book: setup  ## Run what has changed and build the book: _build/html/index.html
	@$(RUN) -m tools.build_book --profile $(PROFILE)

serve: book  ## Build the book and show it at http://localhost:8000
	@$(RUN) -m http.server --bind 127.0.0.1 --directory _build/html 8000

test: export OMP_NUM_THREADS = 1
test: export PYTHONHASHSEED = 0
test: setup  ## Prove it: lint, tests, and a small book moved by a real browser
	@$(RUN) -m tools.chromium
	@$(RUN) -m tools.assets --tests
	@$(RUN) -m ruff check
	@$(RUN) -m pytest

results: setup  ## Renew the recorded results that an earlier version made
	@$(RUN) -m nearlinear results --stale
	@$(RUN) -m tools.readme_figure

bench: setup  ## Measure speed and memory against the alternatives
	@$(RUN) benchmarks/run.py

gpu: setup  ## Record what needs a GPU, for MINUTES minutes
	@$(RUN) benchmarks/gpu_queue.py --minutes $(MINUTES)

pdf: book  ## The whole book in one PDF: _build/nearlinear.pdf
	@$(RUN) -m tools.pdf

slides: book  ## A deck of slides a chapter, from its figures: _build/slides/index.html
	@$(RUN) -m tools.slides

pack: slides  ## Zip all that a class without internet needs: dist/nearlinear-offline-python3.12.zip; FOR=3.11.7 for another Python
	@$(RUN) -m tools.pack --python $(FOR)

clean:  ## Remove all that was built, but not .venv
	rm -rf _build build dist book/_static/vendor
