# One command per habit. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
JOBS ?= $(shell nproc)
export CCACHE_DIR ?= $(or $(HOME),$(CURDIR)/build)/.cache/ccache
# Another clone of the same sources compiles from the same cache.
export CCACHE_BASEDIR ?= $(CURDIR)
export CCACHE_NOHASHDIR ?= 1

.PHONY: help deps build demo test sanitize bench sim sim-table tidy format lint fuzz clean

FILES ?= $(shell git diff --name-only --diff-filter=d HEAD~1 -- '*.cpp')

help: ## List the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps: ## Install what is missing from Debian 12's packages
	@tools/install_dependencies.sh build test

build/%/build.ninja: CMakeLists.txt CMakePresets.json
	cmake --preset $*

build: ## Build the release binary: build/release/homeostat
	@tools/install_dependencies.sh build
	@$(MAKE) --no-print-directory build/release/build.ninja
	@cmake --build build/release -j $(JOBS) --target homeostat

demo: build ## Overload a sample app without and with homeostat; about a minute
	@build/release/homeostat demo

test: ## Build and run every test
	@tools/install_dependencies.sh test
	@$(MAKE) --no-print-directory build/dev/build.ninja
	@cmake --build build/dev -j $(JOBS)
	@ctest --test-dir build/dev --output-on-failure -j $(JOBS)

sanitize: ## Run the tests under ASan+UBSan, and the threaded ones under TSan
	@tools/install_dependencies.sh test
	@for preset in asan-ubsan tsan; do \
	  $(MAKE) --no-print-directory build/$$preset/build.ninja && \
	  cmake --build build/$$preset -j $(JOBS) && \
	  ctest --preset $$preset -j $(JOBS) || exit 1; done

bench: ## Measure beside nginx, HAProxy, Varnish and Traffic Server in one run
	@tools/install_dependencies.sh bench
	@$(MAKE) --no-print-directory build/release/build.ninja
	@cmake --build build/release -j $(JOBS)
	@bench/run.sh

sim: ## Run the seeded simulations of the control laws
	@tools/install_dependencies.sh test
	@$(MAKE) --no-print-directory build/release/build.ninja
	@cmake --build build/release -j $(JOBS) --target sim_tests
	@build/release/tests/sim_tests

sim-table: ## Write docs/admission_simulation.md: the laws beside their peers, some minutes
	@tools/install_dependencies.sh test
	@$(MAKE) --no-print-directory build/release/build.ninja
	@cmake --build build/release -j $(JOBS) --target admission_table
	@build/release/tests/admission_table >build/admission_simulation.md
	@cp build/admission_simulation.md docs/

tidy: ## Check structure: includes, lengths, clocks, leftovers
	@tools/install_dependencies.sh test
	@$(MAKE) --no-print-directory build/dev/build.ninja
	@cmake --build build/dev -j $(JOBS) --target tidy_tests
	@build/dev/tests/tidy_tests

format: ## Format the sources with clang-format
	@tools/install_dependencies.sh format
	@git ls-files '*.cpp' '*.hpp' | xargs clang-format -i

lint: ## Run clang-tidy over FILES (default: sources changed since the commit before the last)
	@tools/install_dependencies.sh test format
	@$(MAKE) --no-print-directory build/dev/build.ninja
	@clang-tidy -p build/dev --quiet --extra-arg=-Wno-unknown-warning-option $(FILES)

fuzz: ## Fuzz every parser for FUZZ_SECONDS (default 30) each
	@tools/install_dependencies.sh fuzz
	@cmake --preset fuzz
	@cmake --build build/fuzz -j $(JOBS) --target fuzzers
	@tools/run_fuzzers.sh build/fuzz $${FUZZ_SECONDS:-30}

clean: ## Remove build/
	@rm -rf build
