# svrescue: what to do with this folder. `make help` lists it.
GO      ?= go
BIN     := bin/svrescue
CLUSTER := e2e/cluster

# One setting for building and testing, so that both share the build cache.
export CGO_ENABLED = 0

.DEFAULT_GOAL := help
.PHONY: help build rehearse test race lint e2e bench soak runbook configuration cluster-deps cluster-build cluster-up cluster-down clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## the program, as bin/svrescue
	$(GO) build -ldflags "-s -w" -o $(BIN) .

rehearse: build ## practise a recovery on the built-in network (SCENARIO=restore-clean goes straight to one)
	./$(BIN) rehearse $(SCENARIO)

test: ## every test that needs no cluster; under five minutes
	GOGC=400 $(GO) test -timeout 30m ./...

race: ## the same with the race detector
	CGO_ENABLED=1 $(GO) test -race ./...

lint: ## formatting, vet, staticcheck
	@out=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "gofmt would change:"; echo "$$out"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags e2e ./e2e/...
	$(GO) tool -modfile=tools.mod staticcheck ./...

e2e: ## everything again on a real Kubernetes cluster on this machine (Linux, root)
	e2e/run.sh

bench: ## speed and size, beside what they are measured against
	bench/run.sh
	bench/dump.sh
	bench/merge.sh
	bench/commitments.sh

SEED ?= $(shell date +%s)
soak: ## kills, faults, torn disks and hang-ups at every point, not a sample (SOAK=3m: each half in random order for so long; SEED=1: that order again)
ifdef SOAK
	cd steps/rehearsal && $(GO) test -timeout 60m -run 'KillMatrix|FaultMatrix|StreamFaults' -soak-for $(SOAK) -seed $(SEED)
	cd ui/command && $(GO) test -timeout 60m -run SIGKILL -soak-for $(SOAK) -seed $(SEED)
else
	cd steps/rehearsal && $(GO) test -timeout 6h -soak
	cd kube && $(GO) test -timeout 6h -run CutAnywhere -soak
	cd steps/reonboard && $(GO) test -timeout 1h -run EveryCut -soak
	cd steps/reonboard/payment && $(GO) test -timeout 1h -run EachPayment -seeds 300000
	cd ui/command && $(GO) test -timeout 6h -run 'SIGKILL|FrontEndGoesAway' -soak
endif

runbook: ## write docs/runbook.md from the paths
	$(GO) test ./ui/command -run Runbook -update

configuration: ## write docs/configuration.md from the table of keys
	$(GO) test ./ui/command/config -run Documentation -update

cluster-deps: ## what the cluster takes from Debian packages (root)
	$(CLUSTER)/deps.sh

cluster-build: ## build the cluster's parts; minutes the first time
	$(CLUSTER)/build.sh

cluster-up: ## start the cluster
	$(CLUSTER)/up.sh

cluster-down: ## end it
	$(CLUSTER)/down.sh

clean: ## remove what was built here
	rm -rf bin
