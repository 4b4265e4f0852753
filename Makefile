# Each target sets up the virtual environment by itself the first time and is quick after that.
# Behind a proxy, without a GPU, on Windows: see docs/troubleshooting.md.

VENV        := .venv
CONSTRAINTS ?= constraints.txt
# start.py looks for another one where this is too old or too new; `make PYTHON=/path/to/python3.12 test` names it
PYTHON      ?= python3
BIN         := $(VENV)/bin
READY       := $(VENV)/.ready
EXTRAS      := student,grade,slides,book,dask,test
# in several processes, each file in one of them but for the long ones
PYTEST      := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder
# modules whose tests need no sandbox, no kernel and no browser
UNITS       := addresses class_page compare device diagrams feedback files lint lms notebooks plotting protocol repair \
               repository results similarity student submissions tasks worker
# arguments for the command behind the target: make lectures ARGS="2 --seed 1"
ARGS        ?=

.PHONY: lectures test banks check gpu full coverage colab walk lab slides book app web doctor lint pins clean help
.DEFAULT_GOAL := help

lectures: $(READY)  ## execute every lecture; results in build/lectures/
	$(BIN)/lecture run $(ARGS)

# several processes; in one, for a debugger: make test ARGS="-n0 --pdb tests/test_plotting.py"
test: $(READY)  ## the test suite, but for what `make banks` repeats
	$(PYTEST) $(ARGS)

banks: $(READY)  ## what repeats `make test` with all there is: each answer in the sandbox, each lecture with another seed
	$(PYTEST) -m bank $(or $(ARGS),tests)

gpu: $(READY)  ## where there is a GPU: lectures, solutions, checks, one graded notebook; each with the device's name
	cd tests && ../$(BIN)/python on_a_gpu.py $(ARGS)

full: $(READY)  ## lectures 3 to 6 with the slides' data sets, from the folder LECTURE_DATA: minutes
	$(PYTEST) --full -k in_full tests/test_lectures.py $(ARGS)

coverage: $(READY)  ## the tests once more, slower: how much of the packages they run in their own processes
	$(PYTEST) --cov --cov-report=term $(or $(ARGS),tests)

colab: $(READY)  ## each notebook alone, with Colab's versions: minutes, the first time a download of 5 GB
	$(BIN)/python -m pytest --colab -rP tests/test_colab.py $(ARGS)

walk: $(READY)  ## every notebook in JupyterLab, in Chromium: run, widgets moved, both themes; minutes
	$(BIN)/python -m pytest --lab -rP tests/test_jupyterlab.py $(ARGS)

lab:  ## set up what a student needs, and open JupyterLab
	@$(PYTHON) start.py $(ARGS)

slides: $(READY)  ## reveal.js decks in build/slides/
	$(BIN)/lecture slides $(ARGS)

book: $(READY)  ## everything as a web site that needs no network: build/book/index.html
	@$(BIN)/python -m sphinx --quiet --fail-on-warning -b html -c book -d build/book-doctrees . build/book $(ARGS)
	@echo "open build/book/index.html"

app: $(READY)  ## start the web app of lecture 6 (the first time it runs that lecture) and print its address
	@test -f lectures/06_app/model.pt || $(BIN)/lecture run 6
	@$(BIN)/python -m lecture_app $(ARGS)

web: $(READY)  ## the network of lecture 6 as a page for any web server, in build/web/; fetches its runtime once
	@test -f lectures/06_app/model.pt || $(BIN)/lecture run 6
	@$(BIN)/lecture web $(ARGS)

doctor: $(READY)  ## look at this machine and say what to do
	$(BIN)/lecture doctor

lint: $(READY)  ## format, types, JavaScript, which way imports point, dead code, and the notebooks' metadata and outputs
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/oxlint --deny-warnings
	$(BIN)/lint-imports --no-cache --no-logo && $(BIN)/vulture && $(BIN)/lecture lint

check: lint  ## lint and the unit tests: for the time between two commits, a minute
	$(PYTEST) $(addprefix tests/test_,$(addsuffix .py,$(UNITS))) $(ARGS)

pins: $(READY)  ## constraints.txt anew, for every system; ARGS=--upgrade takes the newest versions
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11.0 --all-extras --no-annotate \
	  --custom-compile-command "make pins" --output-file constraints.txt $(ARGS) pyproject.toml

clean:  ## remove the virtual environment and all results
	rm -rf $(VENV) build

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

$(READY): pyproject.toml $(CONSTRAINTS) start.py
	@$(PYTHON) start.py --no-open --extras $(EXTRAS) $(if $(CONSTRAINTS),,--newest)
	@touch $@
