# Everything a developer or CI does, by name. All targets but lab need nothing except Go.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null)
LDFLAGS  = -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT)
PREFIX  ?= /usr/local
GOFLAGS ?= -trimpath

export CGO_ENABLED = 0

.PHONY: build demo test lint lab bench fuzz pictures install cross package clean

build: ## the binary, static, for this machine
	go build $(GOFLAGS) -ldflags '$(LDFLAGS)' -o chaoscat ./cmd/chaoscat

demo: build ## the main job on a simulated fleet; with a terminal, the console
	./chaoscat demo

test: ## every test that needs Go alone; what this machine cannot do is skipped, out loud
	CGO_ENABLED=$(RACE) go test -timeout 40m -parallel 6 $(if $(filter 1,$(RACE)),-race) ./...

# Most of the time goes by in shells on hosts of the tests that wait: hence more of them at once than processors.
# The race detector needs a C compiler; without one the tests run without it.
RACE := $(shell command -v gcc >/dev/null 2>&1 && echo 1 || echo 0)

lint: ## formatting, vet on every platform we build for, shell syntax
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not gofmt'ed: $$unformatted"; exit 1; }
	go vet ./...
	go vet -tags lab ./attacks/lab/...
	GOOS=darwin GOARCH=arm64 go vet ./...
	go mod verify
	for script in attacks/library/*.sh attacks/lab/*.sh cmd/chaoscat/packaging/*.sh docs/pictures/*.sh .ci/run; do sh -n "$$script" || exit 1; done

cross: ## a binary for each platform, in dist/
	@for target in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64; do \
		echo "building for $$target"; \
		GOOS=$${target%/*} GOARCH=$${target#*/} go build $(GOFLAGS) -ldflags '$(LDFLAGS)' -o dist/chaoscat-$${target%/*}-$${target#*/} ./cmd/chaoscat || exit 1; \
	done

lab: package ## real hosts on real kernels: needs root on Debian 12; the first run builds a kernel (10 minutes)
	attacks/lab/prepare.sh
	CHAOSCAT_BINARY=$(CURDIR)/chaoscat CHAOSCAT_PACKAGES=$(CURDIR)/dist go test -tags lab -count=1 -timeout 45m -v ./attacks/lab/...

bench: ## the speeds that are promised; PEERS=0 leaves out the other tools, which take most of the time
	go test -run xxx -bench . -benchtime 1s ./engine ./engine/journal ./inventory ./tui
	CHAOSCAT_BENCH=1 CHAOSCAT_BENCH_PEERS=$(PEERS) go test -run TestBench -count=1 -timeout 10m -v ./attacks/remote
	CHAOSCAT_BENCH=1 go test -run TestBench -count=1 -timeout 10m -v ./cmd/chaoscat

PEERS ?= 1

fuzz: ## every fuzz target for FUZZTIME (default 60s) each
	@for package in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$package 2>/dev/null | grep '^Fuzz'); do \
			go test -run xxx -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$package || exit 1; \
		done; \
	done

FUZZTIME ?= 60s

pictures: ## the README's, taken from the demo in tmux; look at them before you commit them
	docs/pictures/make.sh

install: build ## to $(PREFIX)/bin, with completion and the manual page
	install -Dm755 chaoscat $(DESTDIR)$(PREFIX)/bin/chaoscat
	mkdir -p $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	mkdir -p $(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	./chaoscat man > $(DESTDIR)$(PREFIX)/share/man/man1/chaoscat.1
	./chaoscat completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/chaoscat
	./chaoscat completion zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_chaoscat
	./chaoscat completion fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/chaoscat.fish

# Debian and RPM order versions by their own rules: a release candidate comes before its release, a later commit after.
PACKAGE_VERSION := $(shell echo '$(VERSION)' | sed -e '/^v\{0,1\}[0-9][0-9]*\./!s/^/0~/' -e 's/^v//' -e 's/-rc/~rc/' -e 's/-/+/' -e 's/-/./g')
PACKAGE_DATE    := $(shell git log -1 --format=%ct 2>/dev/null || date +%s)
NFPM             = github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.43.4

package: build ## deb and rpm for amd64 and arm64, in dist/
	rm -rf dist/root dist/*.deb dist/*.rpm
	$(MAKE) install DESTDIR=$(CURDIR)/dist/root PREFIX=/usr
	install -Dm644 cmd/chaoscat/systemd/chaoscat.service dist/root/usr/lib/systemd/system/chaoscat.service
	install -Dm644 cmd/chaoscat/systemd/chaoscat.sysusers dist/root/usr/lib/sysusers.d/chaoscat.conf
	mkdir -p dist/root/usr/share/doc/chaoscat dist/root/usr/share/chaoscat
	install -m644 chaoscat.toml.example README.md LICENSE dist/root/usr/share/doc/chaoscat/
	install -m644 engine/metrics/grafana.json engine/metrics/alerts.yaml dist/root/usr/share/chaoscat/
	for arch in amd64 arm64; do \
		GOOS=linux GOARCH=$$arch go build $(GOFLAGS) -ldflags '$(LDFLAGS)' -o dist/root/usr/bin/chaoscat ./cmd/chaoscat || exit 1; \
		for format in deb rpm; do \
			PACKAGE_ARCH=$$arch PACKAGE_VERSION='$(PACKAGE_VERSION)' SOURCE_DATE_EPOCH=$(PACKAGE_DATE) \
				go run $(NFPM) package --config cmd/chaoscat/packaging/nfpm.yaml --packager $$format --target dist/ || exit 1; \
		done; \
	done
	rm -rf dist/root
	CHAOSCAT_PACKAGES=$(CURDIR)/dist go test -count=1 ./cmd/chaoscat/packaging

clean:
	rm -rf chaoscat dist
