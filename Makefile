# `make` says what there is. Everything longer than a line or two is in scripts/.

.DEFAULT_GOAL := help
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory

# CI=true: warnings in our own targets are errors (Package.swift reads the variable; dependencies are not
# touched), and a test whose tool is missing fails instead of being skipped.
ifneq ($(filter true 1,$(CI)),)
export DUPLEX_WERROR := 1
export DUPLEX_REQUIRE_TOOLS := 1
endif
ifeq ($(WERROR),1)
export DUPLEX_WERROR := 1
endif

SWIFT_FILES := $(wildcard Package.swift Sources Tests Benchmarks Conformance Examples Fuzzing)

.PHONY: help run test examples conformance wpt fuzz lint format bench memory soak silence snippets docs coverage clean

help: ## Say what there is (the default)
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: ## Build for release and start the server: make run ARGS="--port 9001"
	@scripts/dependencies.sh run
	swift build -c release --product duplex
	@exec .build/release/duplex serve $(ARGS)

# `swift test` stays last, so that its closing lines end the output. One test at a time: those that compute
# would keep those waiting that talk to other programs, until a deadline of these passes on a busy machine. The Autobahn TestSuite meets
# the debug build: it is there already, and since most of the time goes into the suite's own waits, a release
# build would save a second of testing and cost minutes of compiling.
test: ## Install what the tests need, then run them all
	@scripts/dependencies.sh test
	swift build --build-tests
	PRODUCTS=.build/debug Conformance/run.sh --fast
	scripts/test-tsan.sh
	Fuzzing/run.sh --fast
	DUPLEX_TEST_ENGINE=nio swift test --skip-build --no-parallel --filter 'WebSocketServerTests|Hostile|Serve|Soak'
	DUPLEX_TEST_ENGINE=epoll swift test --skip-build --no-parallel --filter 'WebSocketServerTests|Hostile|Serve|Soak'
	swift test --no-parallel

examples: ## Run every example, in JavaScript and in Swift, and fail where the two differ
	@scripts/dependencies.sh js
	swift build --product duplex
	swift build --product duplex-js
	swift build --product examples
	@scripts/examples.sh .build/debug

conformance: ## Run the whole Autobahn TestSuite, and write its part of docs/conformance.md
	@scripts/dependencies.sh run
	swift build -c release --product duplex
	swift build -c release --product autobahn-client
	@Conformance/run.sh $(ARGS)

wpt: ## Run the WebSocket part of web-platform-tests: make wpt WPT=DIR (a checkout)
	@[[ -n "$(WPT)" ]] || { echo "make wpt WPT=DIR: DIR is a checkout of web-platform-tests" >&2; exit 2; }
	@scripts/dependencies.sh run
	@Conformance/wpt/setup.sh
	swift build -c release --product duplex-js
	@.build-tools/wpt/bin/python Conformance/wpt/run.py --suite "$(WPT)" $(ARGS)

fuzz: ## Look for inputs that break the protocol's core: make fuzz SECONDS=60 (for each target)
	@scripts/dependencies.sh run
	@Fuzzing/run.sh $(or $(SECONDS),60) $(ARGS)

lint: ## Check format and style; changes nothing
	swift format lint --strict --recursive $(SWIFT_FILES)

format: ## Rewrite the sources in the format that `make lint` checks
	swift format --in-place --recursive $(SWIFT_FILES)

bench: ## Measure beside other servers, and write docs/performance.md; ARGS=--help says more
	@scripts/dependencies.sh bench
	@python3 Benchmarks/bench.py $(ARGS)

memory: ## Measure what an idle connection costs the server (Linux)
	@scripts/dependencies.sh run
	swift build -c release --product duplex
	@python3 Benchmarks/idle-memory.py .build/release/duplex $(ARGS)

soak: ## Torment a server and watch its memory: make soak MINUTES=10 (Linux)
	@scripts/dependencies.sh run
	swift build -c release --product soak-server
	@python3 Benchmarks/soak.py .build/release/soak-server --minutes $(or $(MINUTES),10) --tls $(ARGS)

silence: ## Keep silent sockets open through nginx, by pings: make silence MINUTES=5
	@scripts/dependencies.sh silence
	swift build -c release --product duplex
	@python3 Benchmarks/silence.py .build/release/duplex --minutes $(or $(MINUTES),5) $(ARGS)

snippets: ## Put the Swift of the documentation where the tests compile it
	scripts/snippets.sh

docs: ## Build the reference documentation into .build-docs/
	scripts/docs.sh

coverage: ## Say which lines of the protocol core its own tests leave out
	scripts/coverage.sh

clean: ## Remove everything that was built
	rm -rf .build .build-* Benchmarks/.build
