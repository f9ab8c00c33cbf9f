# make demo   set up and draw the pose of a real photograph (IMAGE=picture DET=detector OUT=folder)
# make test   set up and run the whole suite
PYTHON ?= python3.11
VENV ?= .venv
# another torch build: make demo TORCH="torch==2.13.0+cu130" TORCHVISION="torchvision==0.28.0+cu130" PIP_ARGS="--extra-index-url ..."
TORCH ?= torch==2.13.0
TORCHVISION ?= torchvision==0.28.0
PIP_ARGS ?=
IMAGE ?=
DET ?=
OUT ?= demo_output

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check $(PIP_ARGS) -c requirements/constraints.txt
WHEELS := $(PIP) --only-binary=:all:
SOURCES := $(shell find mmpose_amfac configs tools -type f -not -path '*/.mim/*' -not -name '*.pyc') setup.py model-index.yml MANIFEST.in
CHOICE := $(PYTHON) $(TORCH) $(TORCHVISION) $(PIP_ARGS)

.PHONY: help demo test quick deploy bench dev lint full clean FORCE
help:
	@grep -E '^# make' Makefile | cut -c3-

# rewritten only when the choice changes, so that another torch is installed then and not before
$(VENV).choice: FORCE
	@test "$$(cat $@ 2>/dev/null)" = '$(CHOICE)' || echo '$(CHOICE)' > $@

$(VENV)/.base: requirements/base.txt requirements/openmmlab.txt requirements/demo.txt requirements/constraints.txt $(VENV).choice
	@echo 'installing into $(VENV): one to three minutes'
	@command -v '$(PYTHON)' > /dev/null || { echo '$(PYTHON) is not here; name another: make PYTHON=python3.12'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(WHEELS) -q "$(TORCH)" setuptools wheel -r requirements/base.txt -r requirements/demo.txt
	grep -v "^$$(test -e $(VENV)/.full && echo mmcv-lite || echo '#')" requirements/openmmlab.txt > $(VENV)/openmmlab.txt
	$(WHEELS) -q --no-deps -r $(VENV)/openmmlab.txt "$(TORCHVISION)"
	@touch $@

$(VENV)/.package: $(VENV)/.base $(SOURCES)
	$(PIP) -q --no-deps --no-build-isolation --force-reinstall .
	@touch $@

$(VENV)/.deploy: $(VENV)/.base requirements/deploy.txt requirements/mmdeploy.txt
	$(WHEELS) -q -r requirements/deploy.txt
	$(WHEELS) -q --no-deps -r requirements/mmdeploy.txt
	@touch $@

$(VENV)/.bench: $(VENV)/.deploy requirements/bench.txt requirements/bench_nodeps.txt
	$(WHEELS) -q -r requirements/bench.txt
	$(WHEELS) -q --no-deps -r requirements/bench_nodeps.txt
	@touch $@

$(VENV)/.test: $(VENV)/.bench requirements/test.txt requirements/test_nodeps.txt
	$(WHEELS) -q -r requirements/test.txt
	$(WHEELS) -q --no-deps -r requirements/test_nodeps.txt
	@touch $@

demo: $(VENV)/.package
	$(BIN)/amfacpose demo $(if $(IMAGE),--image "$(IMAGE)") $(if $(DET),--det "$(DET)") --out "$(OUT)"

test: $(VENV)/.package $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/pytest

# make quick  the part of the suite that takes under three minutes
quick: $(VENV)/.package $(VENV)/.test
	$(BIN)/pytest -m "not slow"

# make deploy also install what tools/deploy.py needs: MMDeploy, ONNX Runtime, OpenVINO
deploy: $(VENV)/.package $(VENV)/.deploy

# make bench  also install what benchmarks/ needs
bench: $(VENV)/.package $(VENV)/.bench

# make dev    an editable install; mim sees it as `PYTHONPATH=$PWD mim ...`, and only so
dev: $(VENV)/.base
	$(PIP) -q --no-deps --no-build-isolation -e .
	$(BIN)/python setup.py -q egg_info
	@rm -f $(VENV)/.package
	@echo 'done; with mim now: PYTHONPATH=$$PWD mim train mmpose_amfac CONFIG'

lint: $(VENV)/.test
	$(BIN)/ruff check .

# make full   also compile mmcv, for DEKR and two-stage detectors (needs a C++ compiler, 10 to 25 minutes)
full: $(VENV)/.package
	$(PIP) -q ninja psutil
	MMCV_WITH_OPS=1 MAX_JOBS=2 $(BIN)/python -m pip wheel -q $(PIP_ARGS) --no-deps --no-build-isolation --no-binary mmcv -w $(VENV)/wheels mmcv==2.1.0
	$(BIN)/python -m pip uninstall -y -q mmcv-lite
	$(PIP) -q --no-deps $(VENV)/wheels/mmcv-2.1.0-*.whl
	@touch $(VENV)/.full

# make clean  remove what was set up
clean:
	rm -rf $(VENV) $(VENV).choice build *.egg-info mmpose_amfac/.mim demo_output
