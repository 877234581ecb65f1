# What there is to do here: `make` alone prints it.

PREFIX ?= /usr/local
SEEDS ?= 10000
SWIFT ?= swift

# Swift's own libraries are linked in, so that the program runs on machines without a toolchain; and always, since a
# build with other flags builds everything anew.
RELEASE := $(SWIFT) build -c release --static-swift-stdlib
BINARY := .build/release/nosocks
ECHO := .build/release/websocket-echo
SOURCES := Package.swift $(shell find Sources -type f)

.DEFAULT_GOAL := help
.PHONY: help demo build test test-isal simulate lint conformance interop bench bench-content bench-followers bench-grow \
	bench-peers bench-tools bench-websocket mutants fuzz sanitize soak flap torture install uninstall deb ci clean \
	prerequisites

help:
	@echo 'make demo                     build, then watch three folders follow each other'
	@echo 'make build                    the program: $(BINARY)'
	@echo 'make install PREFIX=/usr/local'
	@echo '                              the program, its manual and the shells'\'' completions; also: make uninstall'
	@echo 'make deb OUT=.build           a package for Debian: OUT/nosocks_*.deb (needs dpkg-dev)'
	@echo 'make test                     the tests'
	@echo 'make test-isal                the tests of what deflates, built with Intel'\''s ISA-L for it (the trait ISAL)'
	@echo 'make simulate SEEDS=10000     a simulated hub and its peers, with faults, from many seeds'
	@echo 'make conformance              the Autobahn WebSocket suite, both roles (needs Python 2.7)'
	@echo 'make interop ONLY=nginx       browsers, clients and proxies that others wrote; ONLY names checks (all);'
	@echo '                              PICTURES=DIR leaves pictures of the page there'
	@echo 'make bench [SCENARIO=S1,S3] [TOOL=nosocks,rsync] [SCALE=0.1] [RUNS=3] [JSON=FILE]'
	@echo '                              speed on this machine, beside rsync, lsyncd, Unison and Syncthing; whichever is'
	@echo '                              here, and as root between two network namespaces; as TOOL=nosocks,nosocks-isal'
	@echo '                              beside a build with ISA-L'
	@echo 'make bench-tools              installs all of those'
	@echo 'make bench-grow PLOTS=DIR     how cost grows with files, sizes and peers, as SVG (takes long, and much memory)'
	@echo 'make bench-content            speed of cutting, hashing and reading files'
	@echo 'make bench-peers PEERS=1000   what a hub with many peers takes: time, processor and memory'
	@echo 'make bench-followers          what a thousand who follow a hub'\''s events cost it'
	@echo 'make bench-websocket          speed of the WebSockets, beside ws, websockets and NIO'\''s own codec, and with ISA-L'
	@echo 'make mutants                  breaks the core on purpose, and demands that the simulator notices'
	@echo 'make fuzz MINUTES=10 ONLY=frames'
	@echo '                              bytes that libFuzzer thinks up, for every parser of bytes from outside (all)'
	@echo 'make sanitize SANITIZER=thread ONLY=CommandTests'
	@echo '                              the tests under a sanitizer, address or thread (address); ONLY is a filter (all)'
	@echo 'make soak TREE=DIR ROUNDS=20  ordinary work on three copies of a real tree, judged by rsync'
	@echo 'make flap MINUTES=60          two peers whose connections are cut every few seconds, for an hour'
	@echo 'make torture MINUTES=10 [SEED=1]'
	@echo '                              three replicas edited, killed, stopped and filled at random, judged by an oracle'
	@echo 'make lint                     the formatting rules'
	@echo 'make ci                       lint, test and interop: what must pass before a change is taken'
	@echo 'make clean                    remove what was built'
	@echo
	@echo 'demo, build and test install the headers of zlib and SQLite if they are missing (apt or Homebrew);'
	@echo 'interop installs browsers, servers and libraries (apt, and pip into .build/interop).'

demo: prerequisites-demo $(BINARY)
	@perl Tests/demo/demo.pl $(BINARY) Samples/notes

build: $(BINARY)

$(BINARY): $(SOURCES) | prerequisites
	$(RELEASE) --product nosocks
	@touch $@

# Runs tests, and says at the end once more what failed.
TESTED := | awk '/^make: exit / { code = $$3; next } { print; fflush() } /✘/ { failed = failed $$0 "\n" } \
	END { printf "%s", failed; exit code }'
run_tests = @($(SWIFT) test --skip-build $(1) 2>&1; echo "make: exit $$?") $(TESTED)

test: prerequisites-test
	$(SWIFT) build --build-tests
	$(call run_tests,--skip CommandTests)
	$(call run_tests,--filter CommandTests)

# In a folder of its own, as a build with other traits builds everything anew; for the same reason not part of ci.
ISAL := --traits ISAL --scratch-path .build/isal

test-isal: prerequisites-isal
	$(SWIFT) build --build-tests $(ISAL)
	$(SWIFT) test --skip-build $(ISAL) --filter '^(WebSocketTests|WebSocketNIOTests|FuzzTests)'

simulate: prerequisites
	$(RELEASE) --product simulate
	.build/release/simulate --seeds $(SEEDS)

mutants: prerequisites
	Tests/mutants/mutants.sh

fuzz: prerequisites
	MINUTES=$(or $(MINUTES),10) ONLY=$(ONLY) Tests/fuzz/fuzz.sh

sanitize: prerequisites-test
	SANITIZER=$(or $(SANITIZER),address) ONLY='$(ONLY)' Tests/sanitize/sanitize.sh

soak: prerequisites-test $(BINARY)
	Tests/soak/work.sh $(BINARY) $(or $(TREE),/usr/include) $(or $(ROUNDS),20)

flap: prerequisites-test
	$(SWIFT) build --build-tests
	NOSOCKS_TEST_FLAP=$(or $(MINUTES),60) $(SWIFT) test --skip-build --filter CommandTests.*flapping

# What fails is kept, for somebody to look at.
torture: prerequisites-test
	$(SWIFT) build --build-tests
	NOSOCKS_TEST_TORTURE=$(or $(MINUTES),10) NOSOCKS_TEST_SEED=$(or $(SEED),1) NOSOCKS_TEST_KEEP=failed \
		$(SWIFT) test --skip-build --filter CommandTests.*Torture

lint:
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests

conformance: prerequisites
	Tests/conformance/autobahn.sh

# BINARIES=DIR tests programs that are there already; those under .build/release are made if need be.
interop: prerequisites-interop $(if $(BINARIES),,$(BINARY) $(ECHO))
	@Tests/interop/run.sh $(or $(BINARIES),.build/release) $(ONLY)

$(ECHO): $(SOURCES) | prerequisites
	$(RELEASE) --product websocket-echo
	@touch $@

# OPTIONS are any further ones, as --markdown.
BENCH = Tests/bench/speed.py $(BINARY) $(if $(TOOL),--tool $(TOOL)) $(if $(SCALE),--scale $(SCALE)) \
	$(if $(RUNS),--runs $(RUNS)) $(if $(JSON),--json $(JSON)) $(if $(WITH_ISAL),--isal $(WITH_ISAL)) $(OPTIONS)
WITH_ISAL = $(if $(findstring nosocks-isal,$(TOOL)),.build/isal/release/nosocks)

bench: prerequisites-bench $(BINARY) $(WITH_ISAL)
	$(BENCH) $(if $(SCENARIO),--scenario $(SCENARIO))

bench-grow: prerequisites-bench $(BINARY)
	$(RELEASE) --product peers
	$(BENCH) --scenario files,sizes,peers --load .build/release/peers --plots $(or $(PLOTS),.build/plots)

.build/isal/release/nosocks: $(SOURCES) | prerequisites-isal
	$(RELEASE) $(ISAL) --product nosocks
	@touch $@

bench-tools: prerequisites-bench-tools

# SCENARIO=fanout runs one alone, JSON=FILE keeps the figures.
bench-peers: $(BINARY)
	$(RELEASE) --product peers
	.build/release/peers $(BINARY) --peers $(or $(PEERS),1000) $(if $(SCENARIO),--scenario $(SCENARIO)) \
		$(if $(JSON),--json $(JSON))

bench-followers: $(BINARY)
	Tests/bench/followers.py $(BINARY)

bench-content: prerequisites
	$(RELEASE) --product content-speed
	.build/release/content-speed --folder .build

# One at a time: swift build takes but one --product.
bench-websocket: prerequisites-bench-websocket
	$(RELEASE) --product websocket-echo
	$(RELEASE) --product nio-echo
	$(RELEASE) $(ISAL) --product websocket-echo
	Tests/bench/websocket.py .build/release/websocket-echo .build/release/nio-echo \
		--isal .build/isal/release/websocket-echo

# Builds only if something changed, so that `make build && sudo make install` runs no compiler as root.
install: $(BINARY)
	install -d $(DESTDIR)$(PREFIX)/bin
	install -s -m 755 $(BINARY) $(DESTDIR)$(PREFIX)/bin/nosocks
	$(BINARY) generate $(DESTDIR)$(PREFIX)/share

# The program itself knows what came with it.
uninstall:
	cd $(DESTDIR)$(PREFIX)/share && ../bin/nosocks generate --list | xargs rm -f
	rm -f $(DESTDIR)$(PREFIX)/bin/nosocks

# The tests have built these programs, so that nothing is built twice.
deb: $(BINARY)
	Samples/debian/build.sh $(BINARY) $(or $(OUT),.build)

ci: lint test
	$(MAKE) interop BINARIES=.build/debug

clean:
	rm -rf .build

prerequisites:
	@Tests/prerequisites.sh

prerequisites-%:
	@Tests/prerequisites.sh $*
