# drainbow's front door. `make help` lists what it opens.

.DEFAULT_GOAL := build
.NOTPARALLEL:
SHELL := /bin/sh

JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
FUZZ_RUNS ?=
BENCH_FLAGS ?=
CLUSTER_FLAGS ?=

# Given on make's command line only: many an environment has a COLOR that means something else.
ifneq ($(origin COLOR),command line)
override COLOR :=
endif
unexport COLOR
MAKEOVERRIDES :=

PROGRAMS := drainbow-agent drainbow-probe color-server
# A first build goes without the tests, which need more packages; once they are on they stay on,
# since turning them off would make CMake delete what they compiled.
FIRST_WITHOUT_TESTS = $(if $(wildcard build/release/CMakeCache.txt),,-DBUILD_TESTING=OFF)

# Compiled files are shared between clones of this repository.
export CCACHE_BASEDIR := $(CURDIR)
export CCACHE_NOHASHDIR := 1

.PHONY: build demo test image install uninstall test-cluster deps lint coverage fuzz bench clean help

build: ## Build the programs: build/release/bin/{drainbow-agent,drainbow-probe,color-server}
	@tools/install_deps.sh build
	@cmake --preset release $(FIRST_WITHOUT_TESTS) -DDRAINBOW_COLOR='$(COLOR)' > /dev/null
	@cmake --build --preset release --parallel $(JOBS) --target $(PROGRAMS)

demo: build ## Watch a color drain, on this machine, in 20 seconds (COLOR=ff8800: its color)
	@demo/run_demo build/release/bin

test: ## Build and run all tests: release (gcc), then with sanitizers (clang)
	@tools/install_deps.sh test
	@JOBS=$(JOBS) tools/test.sh release -DDRAINBOW_COLOR='$(COLOR)'
	@JOBS=$(JOBS) tools/test.sh asan

image: ## Build the images (docker, podman, buildah); LOAD_IMAGE='kind load docker-image' loads them
	@COLOR='$(COLOR)' tools/image.sh

install: ## Release this commit's color on kubectl's cluster (COLOR=, NAMESPACE=, DOCKER_IMAGE=)
	@COLOR='$(COLOR)' tools/install.sh

uninstall: ## Take the demo off the cluster (COLOR=12e034: only that color)
	@COLOR='$(COLOR)' tools/uninstall.sh

test-cluster: ## Run the tests on a real Kubernetes, built and brought up for them
	@tools/install_deps.sh cluster
	@tests/cluster/run $(CLUSTER_FLAGS)

deps: ## Install the packages for building, testing and working on drainbow
	@tools/install_deps.sh dev

lint: ## Check the format and run clang-tidy
	@tools/install_deps.sh dev
	@JOBS=$(JOBS) tools/lint.py

coverage: ## Measure the branch coverage of drain/ by its tests
	@tools/install_deps.sh dev
	@JOBS=$(JOBS) tools/coverage.sh

fuzz: ## Run each fuzzer for FUZZ_SECONDS=60, or for FUZZ_RUNS=n inputs
	@tools/install_deps.sh test
	@JOBS=$(JOBS) FUZZ_SECONDS='$(FUZZ_SECONDS)' FUZZ_RUNS='$(FUZZ_RUNS)' tools/fuzz.sh

bench: ## Measure counting, serving and memory (BENCH_FLAGS=--quick: only that it works)
	@tools/install_deps.sh dev
	@cmake --preset release -DBUILD_TESTING=ON -DDRAINBOW_COLOR='$(COLOR)' > /dev/null
	@cmake --build --preset release --parallel $(JOBS) --target $(PROGRAMS) tests/bench/all
	@tests/bench/run_bench build/release/bin $(BENCH_FLAGS)

clean: ## Delete build/
	@rm -rf build

help: ## Show this
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 21
