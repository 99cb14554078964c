# Seaway. `make help` lists what there is; `make demo` shows it working.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

# One set of flags for every build, so that the module, its tests and the Kubernetes binaries of the
# fleet share one build cache.
export CGO_ENABLED := 0
export GOFLAGS := -trimpath -buildvcs=false

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo v0.0.0)
LDFLAGS := -s -w -X github.com/seaway-io/seaway/cmd/version.version=$(VERSION)

# Packages that decide, and packages that are written for many goroutines: the race detector runs on
# these. Packages whose tests use testing/synctest are left out: with the race detector on, Go's runtime
# now and then crashes in a bubble (seen with 1.26: SIGSEGV on the scheduler's stack).
RACE := ./api/... ./controllers/core/... ./controllers/hub/... ./controllers/scheduler/... ./dns ./dns/core/... ./dns/geodb/... ./dns/server/... ./test/dns
# Packages with tests on real control planes, besides test/e2e.
REAL := ./controllers/apiserver ./controllers/cluster ./controllers/conversion ./controllers/decision ./controllers/dependency ./controllers/execution ./controllers/plugin ./controllers/quota ./controllers/status ./controllers/template ./controllers/traffic ./controllers/webhook ./cmd/kubectl-seaway/explain ./cmd/kubectl-seaway/why ./test/bench/crowd ./test/dns ./test/dns/differential ./test/dns/resolvers ./test/fleet ./test/tenant ./test/dns/transfer ./cmd/seaway/playground
# Each fuzzer below FUZZ gets FUZZTIME.
FUZZ ?= .
FUZZTIME ?= 20s

include api/generate.mk
include controllers/apiserver/generate.mk
include controllers/estimate/generate.mk

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## /{printf "  \033[1m%-18s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ use it

.PHONY: demo
demo: bin kubeall resolver ## the whole product on a fleet of real control planes, step by step
	bin/seaway playground demo

.PHONY: playground
playground: bin kubeall ## the fleet of the demo, left running for you
	bin/seaway playground up

.PHONY: playground-down
playground-down: bin ## stop the playground
	bin/seaway playground down

##@ build it

.PHONY: bin
bin: ## bin/seaway and bin/kubectl-seaway
	@mkdir -p bin
	go build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/seaway ./cmd/kubectl-seaway

.PHONY: kubeall
kubeall: ## the Kubernetes binaries of the fleet: built once, then found in the cache
	@go run ./test/fleet/binaries/get

# $(call package,PROGRAMS,PACKAGES) installs packages of the distribution if a program is missing. RUNLEVEL
# keeps the services in them from being started.
define package
@for p in $(1); do command -v $$p /usr/sbin/$$p >/dev/null || missing=1; done; [ -z "$${missing:-}" ] || \
  { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(2) >/dev/null; } || \
  { echo "$(1): not all are here: install $(2)" >&2; exit 1; }
endef

# A recursive resolver from the distribution, to prove that the delegation works for real ones.
.PHONY: resolver
resolver:
	$(call package,unbound,unbound)

# Two of them, and a name server for the zones above ours, for test/dns/resolvers.
.PHONY: resolvers
resolvers:
	$(call package,unbound named nsd,unbound bind9 nsd)

# The name servers that ours is compared with. Nothing of them is left running.
.PHONY: nameservers
nameservers:
	$(call package,nsd knotd named nsupdate kdig,nsd knot bind9 bind9-dnsutils knot-dnsutils)

# Programs that validate signed zones.
.PHONY: dns-tools
dns-tools: resolver
	$(call package,delv dnsviz,bind9-dnsutils dnsviz)

.PHONY: generate
generate: generate-api generate-openapi generate-estimator ## deepcopy, CRDs, OpenAPI and the estimator's messages

##@ check it

.PHONY: unit
unit: ## the quick loop: everything that needs no control plane
	go test -short ./...

.PHONY: race
race: ## the race detector on the packages that decide, serve and connect
	CGO_ENABLED=1 go test -race -short $(RACE)

.PHONY: e2e
e2e: bin kubeall resolvers nameservers dns-tools ## real control planes, real clients, real resolvers
	SEAWAY_BIN=$(CURDIR)/bin SEAWAY_REAL=required SEAWAY_DNS_TOOLS=required go test -p 1 -count=1 -timeout 30m $(REAL)
	SEAWAY_BIN=$(CURDIR)/bin SEAWAY_REAL=required go test -count=1 -timeout 30m -v ./test/e2e

# SEED makes a run repeatable. Without one each run lives through other histories: let it search now and then.
.PHONY: sim
sim: ## the safety invariants over very many random histories of faults, in virtual time
	SEAWAY_SIM=long go test -count=1 -timeout 20m -v -run 'Invariants|Flapping|TwoWriters' ./test/sim $(if $(SEED),-rapid.seed=$(SEED)) | grep -v '^=== '

.PHONY: test
test: SEED ?= 1
test: unit race fuzz-short sim e2e ## everything

.PHONY: fuzz
fuzz: ## every fuzzer for FUZZTIME each; those below a directory with FUZZ=./dns
	@grep -rl --include='*_test.go' '^func Fuzz' $(FUZZ) | xargs -n1 dirname | sort -u | while read -r dir; do \
	  for f in $$(grep -ho '^func Fuzz[A-Za-z0-9_]*' $$dir/*_test.go | cut -c6-); do \
	    echo "$$dir $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$dir || exit 1; done; done

# Every transport from octets to octets, and what zones are made of. The corpora are part of `make unit`.
.PHONY: fuzz-short
fuzz-short: ## each fuzzer of what strangers send to a name server, a thousand times
	@$(MAKE) fuzz FUZZ="./dns ./api/traffic" FUZZTIME=1000x

.PHONY: lint
lint: ## gofmt, vet, staticcheck
	@out=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "gofmt: $$out"; exit 1; }
	go vet ./...
	go tool staticcheck ./...

.PHONY: tidy
tidy:
	go mod tidy -diff

.PHONY: verify
verify: tidy generate lint ## regenerate and diff, lint, check the import table
	@changed=$$(git status --porcelain -- api charts controllers/apiserver controllers/estimate); [ -z "$$changed" ] || { echo "$$changed"; echo "generated files differ: commit what 'make generate' writes"; exit 1; }
	go test ./test/arch

.PHONY: differential
differential: nameservers ## the same questions to ours, NSD and Knot: QUERIES of them, from SEED
	SEAWAY_REAL=required go test -count=1 -timeout 30m -v ./test/dns/differential -args -queries $${QUERIES:-100000} -seed $${SEED:-1}

.PHONY: bench
bench: bench-pure bench-schedule bench-works ## figures: pure decisions, DNS answers, geography; scheduling and execution on real API servers

.PHONY: bench-pure
bench-pure:
	go test -run '^$$' -bench . -benchmem -benchtime 1s ./controllers/core/... ./dns/... | grep -E '^(Benchmark|pkg:|cpu:)'

.PHONY: bench-schedule
bench-schedule: bin kubeall ## schedule up to BINDINGS bindings over 20 clusters on a real API server
	bin/seaway playground bench-schedule --bindings $${BINDINGS:-1000,5000,10000}

.PHONY: bench-works
bench-works: bin kubeall ## bring Works to real members and to crowds of members in memory
	bin/seaway playground bench-works

.PHONY: bench-dns
bench-dns: nameservers ## answers per CPU-second beside NSD, Knot and miekg/dns; latency, overload, memory (BENCH_DNS="-rounds 3")
	@mkdir -p bin
	go build -o bin/bench-dns ./test/bench/dns
	bin/bench-dns $(BENCH_DNS)

.PHONY: bench-dns-change
bench-dns-change: bin kubeall ## from a change in the hub to the answers of all name servers: 10,000 names, 100 changes a second
	bin/seaway playground bench-dns-change $(BENCH_DNS_CHANGE)

.PHONY: bench-failover
bench-failover: bin kubeall ## kill a cluster KILLS times and measure until answers, replicas and pods are elsewhere; 1,000 bindings; the planner
	bin/seaway playground bench-failover --kills $${KILLS:-20} $(BENCH_FAILOVER)

.PHONY: bench-dns-verdict
bench-dns-verdict: ## how long a dead endpoint is still answered, over KILLS endpoints that die (200)
	go test -run '^$$' -bench DeadEndpoint -benchtime $${KILLS:-200}x ./test/dns | grep '^dns verdict'

.PHONY: bench-dns-state
bench-dns-state: ## a start without the hub, in seconds and memory; from a change on the hub to the answer
	go test -run '^$$' -bench 'Start$$' -benchtime 3x ./dns/feed | grep '^dns'
	go test -run '^$$' -bench 'Publish$$' -benchtime 200x ./dns/feed | grep '^dns'
	go test -run '^$$' -bench 'Change$$' -benchtime 2000x ./dns/feed | grep '^dns'

.PHONY: clean
clean: ## remove what was built here (the cache of Kubernetes binaries stays)
	rm -rf bin
