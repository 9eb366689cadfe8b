# Every target runs from a fresh clone. Needed: a Rust toolchain (with rustfmt and clippy), make.
#
# `make CARGO=... CARGOFLAGS=--offline test` picks another cargo or passes flags to each call.

CARGO ?= cargo
CARGOFLAGS ?=
# Cases of each randomised property in `make test-deep`; the tests' own number is 256 or fewer.
DEEP_CASES ?= 4096

# Cargo.lock says which dependencies were tested: no target may change it.
LOCKED := --locked $(CARGOFLAGS)

.PHONY: help tools lint test test-deep notebooks bench bench-requests bench-instructions \
    bench-ratios bench-peers docs

help:
	@echo 'make test            format, lints, all tests (what CI runs)'
	@echo 'make notebooks       the notebooks on fresh results (the end of `make test`)'
	@echo 'make test-deep       the same with the longest theory rows and more random cases'
	@echo 'make bench           all benches'
	@echo 'make bench-requests  what one request costs on the exact engine'
	@echo 'make bench-instructions  what a request and a timer take, against limits (valgrind)'
	@echo 'make bench-ratios    CPU time against a textbook event loop in the same process'
	@echo 'make bench-peers     the same work in other simulators: one table of CPU times'
	@echo 'make docs            rewrite the files that are generated from the code'

# Rust installed with rustup's minimal profile lacks rustfmt and clippy: try to add them.
tools:
	@command -v $(CARGO) >/dev/null || { \
	    echo 'make: no `$(CARGO)` found; install Rust 1.89 or later from https://rustup.rs' >&2; \
	    exit 1; }
	@for tool in fmt clippy; do \
	    $(CARGO) $$tool --version >/dev/null 2>&1 && continue; \
	    component=$$(echo $$tool | sed 's/^fmt$$/rustfmt/'); \
	    echo "make: cargo $$tool is missing: rustup component add $$component"; \
	    rustup component add $$component || { \
	        echo "make: could not install $$component; install it by hand, or run" \
	            '`cargo test`, which needs neither rustfmt nor clippy' >&2; \
	        exit 1; }; \
	done

lint: tools
	$(CARGO) fmt --check
	$(CARGO) clippy $(LOCKED) --all-targets -- -D warnings

# The release binary is built first: the tests compare its results with those of their own build.
test: lint
	$(CARGO) build $(LOCKED) --release
	$(CARGO) test $(LOCKED) --no-fail-fast
	notebooks/execute.sh

# Where Python or its packages cannot be had this says what was not run, and is no failure.
notebooks:
	$(CARGO) build $(LOCKED) --release
	notebooks/execute.sh

test-deep: export TIDEOVER_DEEP = 1
test-deep: export PROPTEST_CASES = $(DEEP_CASES)
test-deep: test

bench:
	$(CARGO) bench $(LOCKED)

bench-requests:
	$(CARGO) bench $(LOCKED) --bench requests

# Counts do not depend on the load of the machine, so this one fails where a limit is exceeded.
# Without valgrind it says so, and is no failure.
bench-instructions:
	$(CARGO) bench $(LOCKED) --bench instructions

bench-ratios:
	$(CARGO) bench $(LOCKED) --bench ratios

# Other simulators stay out of the default build: a crate of its own, whose lock file follows that
# of the product, and a Python environment for SimPy (skipped with a word if it cannot be made).
PEERS := benches/peers
PYTHON_ENV := target/peers-python
bench-peers:
	@test -x $(PYTHON_ENV)/bin/python || { python3 -m venv $(PYTHON_ENV) && \
	    $(PYTHON_ENV)/bin/pip install --quiet -r $(PEERS)/requirements.txt; } || \
	    echo 'make: no Python environment with simpy (Debian: apt install python3-venv)' >&2
	$(CARGO) build $(CARGOFLAGS) --release --manifest-path $(PEERS)/Cargo.toml --target-dir target/peers
	PEERS_PYTHON=$(PYTHON_ENV)/bin/python target/peers/release/tideover-peers

# The tests that find a generated file stale write it instead.
docs: export TIDEOVER_BLESS = 1
docs:
	$(CARGO) test $(LOCKED) --test it
