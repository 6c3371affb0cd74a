# Every target sets itself up on a fresh machine: it needs `make` and Python 3.11 or newer, nothing else.
#   make demo    distil 100 OpenMoji pairs, compare them with real ones, write runs/demo/report.html
#   make test    everything that CI checks
#   make docs    the site, in _docs/          make lab    the notebooks, in JupyterLab
#   make bench   time and memory, one benchmark after the other
#   make records the experiments whose results the pages show: hours
PYTHON ?= python3
VENV   ?= .venv
PY     := $(VENV)/bin/python
READY  := $(VENV)/.installed

# Everything runs in $(VENV); an environment that happens to be active does not interfere.
unexport VIRTUAL_ENV PYTHONHOME PYTHONPATH

.PHONY: help demo test docs lab bench records install refresh clean
help:
	@sed -n 's/^#   //p' Makefile

install: $(READY)
$(READY): settings.ini setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo 'Installing into $(VENV) (a few minutes the first time)'
	@$(PY) -m pip install --disable-pip-version-check -q -e '.[dev]'
	@touch $@

demo: $(READY)
	$(VENV)/bin/vldistill demo $(ARGS)

test: $(READY)
	@$(PY) tools/check.py --all

docs: $(READY)
	$(VENV)/bin/smalldocs render .
	@echo 'Open _docs/index.html'

lab: $(READY)
	$(PY) -m jupyterlab nbs

# experiments are benchmarks that record results
RECORDS := $(addprefix benchmarks/,labels.py mosaics.py moving_towers.py plan.py variance.py)
STUDIES := budgets covariances trajectories both-towers looks ablations stack adapters transfer
TIMINGS := $(filter-out benchmarks/common.py benchmarks/glyphs.py $(RECORDS),$(sort $(wildcard benchmarks/*.py)))
bench: $(READY)
	@for b in $(TIMINGS); do echo "== $$b"; $(PY) $$b || exit 1; done
records: $(READY)
	@for b in $(RECORDS); do echo "== $$b"; $(PY) $$b || exit 1; done
	@for s in $(STUDIES); do $(VENV)/bin/vldistill bench --study $$s --out nbs/results || exit 1; done

refresh: $(READY)
	$(PY) tools/refresh.py $(ARGS)

clean:
	rm -rf _docs _proc docs .quarto
