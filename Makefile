# check: what must hold before a commit. test: the README's test command. bench: the benchmarks of docs/benchmarks.md. soak: docs/soak.md.
# interop: foreign clients against us, and us against foreign nodes (installs what it needs below .cache).
.PHONY: build check test race bench soak interop fuzz docs

build:
	CGO_ENABLED=0 go build -trimpath -o bin/pylon ./cmd/pylon

check:
	go vet ./...
	go tool -modfile=tools.mod golangci-lint run ./...

test:
	go test ./...

race:
	PYLON_REQUIRE_ALL=1 go test -race ./...

# FUZZTIME is how many inputs each target gets.
FUZZTIME ?= 20000x
fuzz:
	./.ci/fuzz $(FUZZTIME)

bench:
	./bench/run.sh

soak:
	./interop/soak.sh

interop:
	PYLON_REQUIRE_ALL=1 ./interop/run.sh

docs:
	go test ./internal/app ./internal/server ./internal/intents -run 'Docs|Golden|OpenAPI' -update
