# f2b-go. `make` alone lists what there is.

LINT_VERSION := v2.15.0
BIN := $(CURDIR)/bin
export CGO_ENABLED := 0

.PHONY: help build demo test vet lint race soak bench benchmarks profile conformance install uninstall clean setup-demo setup-test

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

build: ## the static binary, bin/f2b-go, and its three links
	go build -trimpath -o $(BIN)/f2b-go ./cmd/f2b-go
	@for n in server client regex; do ln -sf f2b-go $(BIN)/fail2ban-$$n; done

setup-demo:
	@scripts/setup demo

setup-test:
	@scripts/setup test

setup-bench:
	-@scripts/setup bench

demo: setup-demo build ## watch a live attack being banned
	@$(BIN)/f2b-go demo

test: setup-test vet lint race ## everything that continuous integration runs

vet: ## go vet
	go vet ./...

lint: $(BIN)/golangci-lint-$(LINT_VERSION) ## golangci-lint with .golangci.yml
	$(BIN)/golangci-lint-$(LINT_VERSION) run ./...

$(BIN)/golangci-lint-$(LINT_VERSION):
	GOBIN=$(BIN)/tmp go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
	mv $(BIN)/tmp/golangci-lint $@ && rmdir $(BIN)/tmp

race: ## all tests under the race detector (the only place for cgo)
	@scripts/gotest

conformance: ## how many of fail2ban's sample verdicts are equal
	go test -count=1 -run 'TestConformance' -v ./internal/testfilter | grep -E 'verdicts|FAIL|ok|miss'

bench: setup-bench build ## lines per second beside Debian's fail2ban
	go run ./internal/bench -program $(BIN)/f2b-go $(BENCHFLAGS)

benchmarks: ## the benchmark functions
	go test -run '^$$' -bench . -benchmem ./...

profile: ## cmd/f2b-go/default.pgo anew: what go build inlines, from the benchmark of all filters
	go test -trimpath -run '^$$' -bench '^BenchmarkFilters$$' -benchtime 0.1s -cpuprofile cmd/f2b-go/default.pgo -o $(BIN)/profile.test ./internal/testfilter
	@rm $(BIN)/profile.test

soak: build ## the long runs: fuzzing, torture, differential runs at full length
	scripts/soak

install: build ## the program, links, manual pages, units; DESTDIR, PREFIX (docs/swap.md)
	@scripts/install install $(BIN)/f2b-go

uninstall: ## undo install; Debian's fail2ban comes back
	@scripts/install uninstall

clean: ## what was built
	rm -rf $(BIN)
