# make help tells what there is. Each target makes the virtual environment first, if need be.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo demo-camera teleop test test-noble test-ros lint docs doctor bench faults recordings study study-policies study-dagger study-trunk study-manipulation study-late-answers study-tasks venv clean distclean

ROS_DISTRO ?= jazzy
ifeq ($(filter jazzy kilted,$(ROS_DISTRO)),)
# another ROS 2 is sourced, or a typing error: the wheels come in two distributions only
$(error ROS_DISTRO is '$(ROS_DISTRO)'; choose ROS_DISTRO=jazzy or ROS_DISTRO=kilted, for example: make demo ROS_DISTRO=jazzy)
endif
VENV := $(if $(filter jazzy,$(ROS_DISTRO)),.venv,.venv-$(ROS_DISTRO))
STAMP := $(VENV)/.complete
PEERS := .venv-peers
LEROBOT := .venv-lerobot
TOOLS := .venv-ros
DOCS := .venv-docs
EXTERNAL := .venv-tasks
REQUIREMENTS := requirements.txt requirements-export.txt requirements-dev.txt requirements-$(ROS_DISTRO).txt

# The guard of the ROS wheels' start-up hook is inherited and would leave our Python without its libraries;
# a sourced ROS 2 would shadow the wheels.
RUN := env -u _ROS_WHEELS_BOOTSTRAP_COMPLETE -u PYTHONPATH -u AMENT_PREFIX_PATH -u LD_LIBRARY_PATH \
       -u VIRTUAL_ENV -u PYTHONHOME ROS_DISTRO=$(ROS_DISTRO)
BIN := $(RUN) $(VENV)/bin

help: ## this text
	@echo "make demo     the whole story in a few minutes; leaves runs/demo/report.html"
	@echo "make demo-camera   pick and place from pictures, which takes longer; leaves runs/demo-camera/report.html"
	@echo "make teleop   drive the arm yourself, from a page in the browser"
	@echo "make test     linters and tests"
	@echo "make test-noble   the same as on Ubuntu 24.04: Python 3.12 and numpy 1.26; PyBullet is compiled, or left out"
	@echo "make test-ros what needs ROS 2's own launch and linters, taken from their repositories"
	@echo "make lint     linters alone: ruff and mypy"
	@echo "make docs     the documentation as a site, in site/; every link is checked"
	@echo "make doctor   is this machine fit?"
	@echo "make bench    speed, measured beside the peers' in one run; writes benchmarks/results.json"
	@echo "make faults   what the arm does when something fails, in the running graph; writes benchmarks/results.json;"
	@echo "              first, the tests that are repeated at length"
	@echo "make recordings   random recordings against a plain reference, and 10,000 damaged ones of each format"
	@echo "make study    all studies, some hours: make study-policies writes docs/studies/policies.md, make study-dagger"
	@echo "              docs/studies/dagger.md, make study-trunk docs/studies/trunk.md, make"
	@echo "              study-manipulation docs/studies/manipulation.md, make study-late-answers"
	@echo "              docs/studies/late-answers.md, make study-tasks docs/studies/gym-tasks.md"
	@echo "make venv     the virtual environment alone, in $(VENV)"
	@echo "make clean    remove caches and builds; make distclean: the virtual environments too"
	@echo "With ROS_DISTRO=kilted another ROS 2, with PYTHON=/path/to/python3.11 another Python."

demo: $(STAMP)
	@$(BIN)/il-ros demo

demo-camera: $(STAMP)
	@$(BIN)/il-ros demo --camera

teleop: $(STAMP)
	@$(BIN)/il-ros teleop

doctor: $(STAMP)
	@$(BIN)/il-ros doctor

# Tests go side by side, graphs in domains of their own; those that measure real time have the machine to themselves.
# 5 is the exit code of pytest when PYTEST_ARGS leave nothing to one of the three.
PYTEST := $(BIN)/python -m il_ros.launching.ros_domain $(VENV)/bin/python -m pytest
test: lint
	$(PYTEST) -n 2 -m "not graph and not long" $(PYTEST_ARGS) || [ $$? -eq 5 ]
	$(PYTEST) -n 2 --dist loadfile -m "graph and not alone and not long" $(PYTEST_ARGS) || [ $$? -eq 5 ]
	$(PYTEST) -m "alone and not long" $(PYTEST_ARGS) || [ $$? -eq 5 ]

# What Ubuntu 24.04 brings, where ROS 2 Jazzy lives: Python 3.12 and numpy 1.26. Any other Python is tested in the same
# way, in an environment of its own: make test PYTHON=python3.10 VENV=.venv-310.
test-noble:
	@$(MAKE) --no-print-directory test PYTHON=python3.12 VENV=.venv-noble

# Without wheels, and without need for more than the sources: beside the virtual environment, not in it.
test-ros: $(TOOLS)/.complete
	$(RUN) PYTHONPATH=$(TOOLS) AMENT_PREFIX_PATH=$(abspath $(TOOLS)) $(VENV)/bin/python -m pytest test/launching/test_real_launch.py test/test_ament_linters.py

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/mypy

# Strict: a link or an anchor that leads nowhere, or a page that no menu names, is an error.
docs: $(DOCS)/.complete
	$(RUN) NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict --quiet --site-dir site

bench: $(STAMP) $(PEERS)/.complete $(LEROBOT)/.complete
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)
	@$(BIN)/python -m benchmarks.page
	@$(BIN)/python -m benchmarks.graph --output benchmarks/results.json
	@$(BIN)/python -m benchmarks.gate --output benchmarks/results.json

# Recordings that are random, damaged and somebody else's: some twenty minutes.
recordings: $(STAMP)
	$(BIN)/python -m benchmarks.recordings --count 5000
	$(BIN)/python -m benchmarks.fuzz --cases 10000
	$(BIN)/python -m benchmarks.lerobot_damage --trials 10000

faults: $(STAMP)
	$(PYTEST) -m long
	@$(BIN)/python -m il_ros.launching.ros_domain $(VENV)/bin/python -m benchmarks.faults $(or $(FAULTS_ARGS),--output benchmarks/results.json)

study: study-policies study-dagger study-trunk study-manipulation study-late-answers study-tasks

study-late-answers: $(STAMP)
	@$(BIN)/python -m studies.late_answers $(or $(STUDY_ARGS),--output docs/studies)

study-tasks: $(STAMP) $(EXTERNAL)/.complete
	@$(RUN) PYTHONPATH=$(abspath $(EXTERNAL)) $(VENV)/bin/python -m studies.gym_tasks $(or $(STUDY_ARGS),--output docs/studies)

study-dagger: $(STAMP) $(PEERS)/.complete
	@$(BIN)/python -m studies.dagger $(or $(STUDY_ARGS),--output docs/studies)

study-policies: $(STAMP)
	@$(BIN)/python -m studies.policies $(or $(STUDY_ARGS),--output docs/studies)

study-trunk: $(STAMP)
	@$(BIN)/python -m studies.trunk $(or $(STUDY_ARGS),--output docs/studies)

study-manipulation: $(STAMP)
	@$(BIN)/python -m studies.experts --publish
	@$(BIN)/python -m studies.corrections --publish
	@$(BIN)/python -m studies.manipulation $(or $(STUDY_ARGS),--output docs/studies)

venv: $(STAMP)

$(STAMP): $(REQUIREMENTS) setup.py scripts/make_venv
	@$(RUN) PYTHON="$(PYTHON)" scripts/make_venv $(VENV) $(ROS_DISTRO)

$(PEERS)/.complete: benchmarks/requirements-peers.txt benchmarks/make_peers | $(STAMP)
	@$(RUN) benchmarks/make_peers $(PEERS) $(VENV)/bin/python $<

$(LEROBOT)/.complete: benchmarks/requirements-lerobot.txt benchmarks/make_peers | $(STAMP)
	@$(RUN) benchmarks/make_peers $(LEROBOT) $(VENV)/bin/python $<

$(TOOLS)/.complete: test/requirements-ros.txt | $(STAMP)
	$(BIN)/pip install --quiet --no-build-isolation --no-deps --upgrade --target $(TOOLS) -r $<
	touch $@

$(EXTERNAL)/.complete: studies/requirements-tasks.txt | $(STAMP)
	$(BIN)/pip install --quiet --no-deps --upgrade --target $(EXTERNAL) -r $<
	touch $@

$(DOCS)/.complete: requirements-docs.txt | $(STAMP)
	$(VENV)/bin/python -m venv --clear $(DOCS)
	$(RUN) $(DOCS)/bin/pip install --quiet -r $<
	touch $@

clean:
	rm -rf site build install log dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find il_ros benchmarks studies examples tools test -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf .venv .venv-*
