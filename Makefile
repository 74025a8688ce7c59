# Everything Python goes into .venv; constraints.txt fixes the versions.
#
# On Linux PyPI's torch is the CUDA build, gigabytes of it. For the CPU build:
#   PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu make install

PYTHON ?= python3
PIP_INSTALL = .venv/bin/python -m pip install --quiet --prefer-binary --constraint constraints.txt

# GUI tests are never skipped: without a screen they run on a virtual one.
ifeq ($(shell uname)$(DISPLAY),Linux)
ON_DISPLAY = QT_QPA_PLATFORM=xcb xvfb-run -a -s "-screen 0 1400x900x24 +extension GLX"
DISPLAY_LIBRARIES = $(if $(filter test benchmark,$(MAKECMDGOALS)),display)
endif

# Three processes (GUI tests wait), each with whole files; benchmarks do not run so.
SIDE_BY_SIDE = -n 3 --dist loadfile -p no:benchmark

# Rooms whose tests need no screen, no training and no process of their own.
FAST = $(addprefix tests/,clustering embeddings explain geometry intensity mending metrics networks \
	relabelling stores test_device.py test_foreign_text.py test_imports.py test_numbers_in_words.py)

.NOTPARALLEL:
.PHONY: help install test check docs benchmark demo nuclei nuclei-3d pictures network-gallery format constraints \
	wheel-check clean libraries

help:  ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

install: libraries .venv/installed  ## the package, editable, with napari and PyQt, into .venv

demo: install  ## a demonstration; files into demo_output
	.venv/bin/shiftseg demo -o demo_output

test: libraries .venv/test-tools  ## lint, types and tests
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	OMP_NUM_THREADS=1 $(ON_DISPLAY) .venv/bin/python -m pytest $(SIDE_BY_SIDE)

check: libraries .venv/test-tools  ## lint, types and the fast tests: no widgets, trainings or figures
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	OMP_NUM_THREADS=1 .venv/bin/python -m pytest -n 2 --dist loadfile -p no:benchmark $(FAST)

docs: .venv/docs-tools  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict

benchmark: libraries .venv/test-tools  ## measure speed
	.venv/bin/python -m pytest benchmarks -o python_files='bench_*.py' --benchmark-only
	OMP_NUM_THREADS=1 $(ON_DISPLAY) .venv/bin/python -m pytest benchmarks/responsive.py

# Two cycles of the learning rate by the discriminative loss, as in the papers: figures 4d to 7. Two more
# by the spatial loss from there on. Three hours and a half, and two and a half, of one core.
PAIRS = $(DATA)/train/images $(DATA)/train/labels --validate $(DATA)/val/images $(DATA)/val/labels
TRAIN = .venv/bin/shiftseg train $(PAIRS) --precision bfloat16 --workers 1
TUNE = .venv/bin/shiftseg tune $(DATA)/val/images $(DATA)/val/labels

nuclei: install  ## train the bundled model nuclei; DATA=folder of train/ and val/
	mkdir -p $(addprefix build/nuclei/,first second third fourth)
	$(TRAIN) --every 4000 --steps 16000 -o build/nuclei/first/nuclei.safetensors
	$(TRAIN) --every 4000 --steps 28000 --learning-rate 0.0015 --seed 1 \
		--start build/nuclei/first/nuclei.safetensors -o build/nuclei/second/nuclei.safetensors
	$(TUNE) -m build/nuclei/second/nuclei.safetensors -o build/nuclei/figure-4d.safetensors
	$(TRAIN) --every 2000 --steps 12000 --learning-rate 0.001 --seed 3 --zoom 2 --loss spatial \
		--start build/nuclei/figure-4d.safetensors -o build/nuclei/third/nuclei.safetensors
	$(TRAIN) --every 3500 --steps 14000 --learning-rate 0.0015 --seed 4 --zoom 1.5 --loss spatial \
		--start build/nuclei/third/nuclei.safetensors -o build/nuclei/fourth/nuclei.safetensors
	$(TUNE) -m build/nuclei/fourth/nuclei.safetensors -o build/nuclei/tuned/nuclei.safetensors
	.venv/bin/python tools/learn_confidence.py build/nuclei/tuned/nuclei.safetensors $(DATA)/train \
		-o build/nuclei/nuclei.safetensors

# Generated volumes, and one half of each real one, NAME_image.tif and NAME_labels.tif in DATA. Two and a
# half hours of one core.
VOLUMES = build/nuclei-3d/data
ABOUT_VOLUMES = 60 generated volumes of nuclei, and one half of each in $(notdir $(abspath $(DATA)))
TRAIN_3D = .venv/bin/shiftseg train --validate $(VOLUMES)/first/val/images $(VOLUMES)/first/val/labels \
	--precision bfloat16 --loss spatial --window 24x44x44
MODELS = build/nuclei-3d

nuclei-3d: install  ## train the bundled model nuclei-3d; DATA=folder of volumes
	mkdir -p $(addprefix $(MODELS)/,first second third tuned)
	.venv/bin/python tools/nuclei_volumes.py -o $(VOLUMES)/first --real $(DATA)
	.venv/bin/python tools/nuclei_volumes.py -o $(VOLUMES)/second --real $(DATA) --times ovule=36
	.venv/bin/python tools/nuclei_volumes.py -o $(VOLUMES)/third --real $(DATA) \
		--times ovule=18 embryo_8_cell_stage=10
	$(TRAIN_3D) $(VOLUMES)/first/train/images $(VOLUMES)/first/train/labels \
		--depth 2 --features 16 --steps 12000 --learning-rate 0.001 --zoom 1.5 --every 1500 --seed 0 \
		-o $(MODELS)/first/nuclei-3d.safetensors
	$(TRAIN_3D) $(VOLUMES)/second/train/images $(VOLUMES)/second/train/labels \
		--steps 3600 --learning-rate 0.0007 --zoom 1.3 --every 1200 --seed 1 \
		--start $(MODELS)/first/nuclei-3d.safetensors -o $(MODELS)/second/nuclei-3d.safetensors
	$(TRAIN_3D) $(VOLUMES)/third/train/images $(VOLUMES)/third/train/labels \
		--steps 4000 --learning-rate 0.0006 --zoom 1.4 --every 1000 --seed 2 \
		--start $(MODELS)/second/nuclei-3d.safetensors -o $(MODELS)/third/nuclei-3d.safetensors
	.venv/bin/shiftseg tune $(VOLUMES)/first/val/images $(VOLUMES)/first/val/labels \
		--bandwidths 0.4,0.5,0.6,0.8 --thresholds 0.5 --min-sizes 20,60 \
		-m $(MODELS)/third/nuclei-3d.safetensors -o $(MODELS)/tuned/nuclei-3d.safetensors
	.venv/bin/python tools/learn_confidence.py $(MODELS)/tuned/nuclei-3d.safetensors nuclei-3d \
		-o $(MODELS)/sure/nuclei-3d.safetensors
	.venv/bin/python tools/describe_model.py $(MODELS)/sure/nuclei-3d.safetensors \
		-o $(MODELS)/nuclei-3d.safetensors --command "make nuclei-3d DATA=$(notdir $(abspath $(DATA)))" \
		--description "Nuclei in volumes (z, y, x), fluorescence; background is dark." \
		--data "$(ABOUT_VOLUMES)"

pictures: install  ## make the pictures of docs/seam-faults.md anew
	.venv/bin/python tools/fault_pictures.py -o docs/faults

network-gallery: install .venv/test-tools  ## write docs/network-gallery.md anew; PACKAGE=FOLDER of unet2d_nuclei_broad
	.venv/bin/python tools/network_gallery.py "$(PACKAGE)" -o docs

format: .venv/test-tools  ## mend what ruff can mend
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

constraints:  ## resolve the newest versions anew; torch stays at its pin
	rm -rf build/resolve
	$(PYTHON) -m venv build/resolve
	grep '^torch==' constraints.txt > build/torch.txt
	build/resolve/bin/python -m pip install --quiet --upgrade pip
	build/resolve/bin/python -m pip install --quiet --prefer-binary --constraint build/torch.txt \
		'.[all]' --group dev
	{ grep '^#' constraints.txt; build/resolve/bin/pip freeze --all --exclude napari-shiftseg \
		--exclude setuptools | sed 's/+.*//' | grep -v -e '^nvidia-' -e '^cuda-' -e '^triton'; } > build/constraints.txt
	mv build/constraints.txt constraints.txt
	rm -rf build

wheel-check: .venv/test-tools  ## build the wheel, try it in an empty environment
	rm -rf dist build/empty
	.venv/bin/python -m build --no-isolation
	$(PYTHON) -m venv build/empty
	build/empty/bin/pip install --quiet --prefer-binary --constraint constraints.txt dist/*.whl
	cd build/empty && bin/shiftseg inspect disks --json && bin/python -I $(CURDIR)/tools/wheel_check.py

clean:  ## remove all that these targets made, .venv too
	rm -rf .venv build dist site demo_output .benchmarks .hypothesis .mypy_cache .pytest_cache .ruff_cache

libraries:
	@tools/system_libraries.sh qt $(DISPLAY_LIBRARIES)

# ensurepip writes bin/pip last, so a venv that broke half-way is made again.
.venv/bin/pip:
	@command -v $(PYTHON) >/dev/null || tools/system_libraries.sh $(notdir $(PYTHON))-venv
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, \
	$(PYTHON) is %d.%d: name another, make install PYTHON=python3.12" % sys.version_info[:2])'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || tools/system_libraries.sh \
		$$($(PYTHON) -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
	$(PYTHON) -m venv .venv

# Python 3.11 brings a pip that knows no dependency groups.
.venv/installed: .venv/bin/pip pyproject.toml constraints.txt Makefile
	$(PIP_INSTALL) --upgrade pip
	$(PIP_INSTALL) --editable '.[all]'
	@touch $@

.venv/test-tools: .venv/installed
	$(PIP_INSTALL) --group test
	@touch $@

.venv/docs-tools: .venv/installed
	$(PIP_INSTALL) --group docs
	@touch $@
