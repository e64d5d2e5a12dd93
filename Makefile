# Run `make` or `make help` for the list. Everything that is built goes to bin/, everything that
# a run leaves behind to out/, the clusters to .testbed/; all three are ignored by git.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# The go.mod files name the Go that they need. The go command fetches it like a module, also where a
# machine is set to use its own Go alone (GOTOOLCHAIN=local).
export GOTOOLCHAIN := auto

# Go's cache has a package once for programs with C and once for those without. Without, as images are, all share.
export CGO_ENABLED ?= 0

LINT       = go tool -modfile=$(CURDIR)/hack/tools/go.mod golangci-lint
GENERATOR  = go tool -modfile=$(CURDIR)/hack/tools/controller-gen/go.mod controller-gen
CRDS       = charts/kedify-gateway/crds
GOLDENS    = ./xds/translate/... ./xds/bootstrap/... ./controllers/resolve/... ./controllers/infra/... ./controllers/scaledobject/... ./scaler/trigger/... ./wiring/foreign/...

# The cluster of cluster-up, demo and bench; the tests have one called "test".
CLUSTER ?= default
# With KUBECONFIG set, commands reach that cluster from here; otherwise they run inside the local cluster.
REACH = $(if $(KUBECONFIG),,bin/testbed --name $(1) exec --)

# The Envoy of goldens and benchmarks: unless set, the one that the testbed's images are made of.
ENVOY ?= $(shell bin/testbed build envoy | tail -n 1 | awk '{print $$2 "/envoy"}')
# The folder of the prometheus that dashboards are drawn with; built on first use as well.
PROMETHEUS ?= $(shell bin/testbed build prometheus | tail -n 1 | awk '{print $$2}')

# make conformance
PROFILE ?= all
CHANNEL ?= experimental
# Of the Gateway API: v1.7, or v1.6 with its CRDs and its suite. Each has clusters of its own.
VERSION ?= v1.7
# Addresses of nodes, Pods and Services: ipv4 or ipv6.
FAMILY  ?= ipv4
SUITE    = $(CHANNEL)$(if $(filter v1.7,$(VERSION)),,-$(subst .,-,$(VERSION)))
# GatewayStaticAddresses wants an address that can be given and one that cannot; on a cluster
# of your own: ADDRESSES='-usable-address=... -unusable-address=...'.
ADDRESSES ?= $(if $(KUBECONFIG),,-usable-address=10.99.255.7 -unusable-address=192.0.2.9)
RUN     ?=
# What a report calls the version of the product: a tag, or a version with a commit in it; never a branch.
SNAPSHOT ?= $(shell bin/release version)
OUT     ?= $(CURDIR)/out/conformance
core      := -test.run=^TestGatewayAPI$$ -conformance-profiles=GATEWAY-HTTP -supported-features=Gateway,HTTPRoute,ReferenceGrant
gateways  := -test.run=^TestGatewayAPI$$
inference := -test.run=^TestInference$$
profile    = $(if $(filter all,$(PROFILE)),,$(or $($(filter core gateways inference,$(PROFILE))),$(gateways) -conformance-profiles=$(PROFILE)))

# make bench, and make e2e
NAME ?= propagation
ARGS ?=

##@ Help

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*##"; printf "Usage: make <target>\n"} \
	  /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z0-9-]+:.*##/ {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Two commands to know

.PHONY: demo
demo: bin/testbed bin/install bin/demo ## A real cluster, a model behind a Gateway, a streamed answer; the model sleeps, wakes and scales
	@bin/demo

.PHONY: test
test: bin/testsum ## Everything: lint, unit, goldens, conformance, promises; last line "N passed, N failed"
	@bin/testsum

##@ Development

.PHONY: build
build: ## Build the product and the programs around it
	go build -o bin/ ./cmd/... ./hack/testbed ./hack/install ./hack/demo ./hack/testsum ./hack/release

.PHONY: lint
lint: ## golangci-lint with the import rules (pinned in hack/tools)
	$(LINT) run ./...
	cd conformance && $(LINT) run ./...

.PHONY: unit
unit: ## Unit tests, goldens and in-process feature tests, with the race detector where there are goroutines
	@go run ./hack/testsum unit

.PHONY: golden
golden: ## Rewrite the goldens and delete orphans; read the diff before you commit it
	GOLDEN=update go test $(GOLDENS)

.PHONY: golden-check
golden-check: bin/testbed ## Compare the goldens; validate the Envoy ones with Envoy itself
	ENVOY="$(ENVOY)" go test -count=1 $(GOLDENS)

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (10s)
	@for pkg in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $${FUZZTIME:-10s} $$pkg; \
	  done; done

# The last line of sweep is the sum of what the tests print after "bar:".
BAR = awk '/^bar:/ {for (i = 2; i <= NF; i++) {split($$i, part, "="); sum[part[1]] += part[2]}} \
  END {split("poison isolated configurations rejected clients failed", names, " "); line = "bar:"; \
    for (i = 1; i <= 6; i++) if (names[i] in sum) line = line " " names[i] "=" sum[names[i]]; print line}'

.PHONY: sweep
sweep: bin/testbed ## Poison among good routes, values of every field alone and in pairs, clients, in real Envoys; last line "bar: ..."
	@mkdir -p out; export ENVOY="$(ENVOY)"; \
	  { go test -count=1 -v -timeout=1h ./controllers/plane -run '^TestR1PoisonIsIsolated$$' -args -long; \
	    go test -count=1 -v -timeout=3h ./test/sweep -args -long; \
	    test ! -d test/clients || go test -count=1 -v -timeout=1h ./test/clients -args -long; \
	  } 2>&1 | tee out/sweep.log; \
	  $(BAR) out/sweep.log; ! grep -q '^FAIL' out/sweep.log

.PHONY: authz
authz: bin/testbed ## oauth2-proxy and Open Policy Agent decide about requests of a real Envoy; a module of its own
	cd test/authz && ENVOY="$(ENVOY)" go test -count=1 -timeout=30m ./...

.PHONY: vulncheck
vulncheck: ## Known vulnerabilities of what the product is built from; needs the Go vulnerability database, or DB=file:///copy
	go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 $(if $(DB),-db $(DB)) ./...

.PHONY: generate
generate: ## Regenerate deep copies and CRDs
	$(GENERATOR) object paths=./api/...
	$(GENERATOR) crd paths=./api/... output:crd:dir=$(CRDS)

.PHONY: dashboards
dashboards: ## Rewrite the Grafana dashboards of the chart from hack/dashboards
	go run ./hack/dashboards

.PHONY: dashboard-pictures
dashboard-pictures: bin/testbed ## Redraw docs/pictures with a minute of data of a control plane and an Envoy
	mkdir -p out
	ANSWERS=$(CURDIR)/out/answers.json PROMETHEUS="$(PROMETHEUS)" ENVOY="$(ENVOY)" go test -count=1 -run='^TestBoards$$' ./controllers/plane
	go run ./hack/dashboards out/answers.json docs/pictures

.PHONY: verify
verify: generate ## Fail when generated files are not up to date
	git diff --exit-code -- api $(CRDS)

##@ Release (VERSION=vX.Y.Z; without it a version that names the commit)

# VERSION is that of Gateway API on the command line of conformance and e2e; a release has one of the product.
RELEASE = bin/release $(if $(filter command line environment,$(origin VERSION)),--version=$(VERSION))

.PHONY: image
image: bin/release ## The image for amd64 and arm64, below out/image; PUSH=registry/name[:tag] pushes it, BASE=image builds upon another
	$(RELEASE) image $(if $(PUSH),--push=$(PUSH)) $(if $(BASE),--base=$(BASE))

.PHONY: kind-load
kind-load: ## Load what `make image` wrote into a kind cluster; KIND=name of the cluster
	kind load image-archive out/image/kedify-gateway-linux-$$(go env GOARCH).tar --name $(or $(KIND),kind)

.PHONY: release-archives
release-archives: bin/release ## The command line for linux and darwin, amd64 and arm64, with checksums, below out/archives
	$(RELEASE) archives

.PHONY: chart-package
chart-package: bin/release charts ## The charts with the version of the release below out/packages; PUSH=oci://registry/folder pushes them
	$(RELEASE) charts $(if $(PUSH),--push=$(PUSH))

.PHONY: release-notes
release-notes: bin/release ## What CHANGELOG.md says of VERSION
	@$(RELEASE) notes

.PHONY: version
version: bin/release ## The version of image and charts that are made from this tree
	@$(RELEASE) version

.PHONY: previous-chart
previous-chart: ## Take the chart that the upgrade test begins with out of the history: that of the commit or tag in charts/previous
	git archive --format=tar "$$(cat charts/previous)" charts/kedify-gateway | gzip -9n > charts/previous.tgz

.PHONY: charts
charts: bin/install ## Both charts, complete, as folders in out/charts: that of the CRDs has files of Go modules
	bin/install -write out/charts

##@ Cluster

.PHONY: cluster-up
cluster-up: bin/testbed bin/install ## Start a cluster and install the product; CLUSTER=name, KEDA=1 for KEDA as well
	bin/testbed --name $(CLUSTER) up --profile $(if $(KEDA),full,inference)
	bin/install -name $(CLUSTER) $(if $(KEDA),-keda)

.PHONY: cluster-shell
cluster-shell: bin/testbed ## A shell with kubectl inside the cluster's network
	@bin/testbed --name $(CLUSTER) shell

.PHONY: cluster-down
cluster-down: bin/testbed ## Stop the cluster and leave nothing behind but its logs
	bin/testbed --name $(CLUSTER) down

.PHONY: demo-down
demo-down: cluster-down ## Stop the cluster of the demo

.PHONY: images
images: bin/testbed ## Rebuild our image from the tree and import it into the running cluster
	bin/testbed --name $(CLUSTER) images

##@ On a cluster (KUBECONFIG=... for one of your own)

.PHONY: conformance
conformance: bin/testbed bin/install bin/release ## The suites: PROFILE=all|core|gateways|inference|GATEWAY-HTTP,... RUN=test CHANNEL= VERSION=v1.6 OUT=
	cd conformance && go test -c $(if $(filter v1.7,$(VERSION)),,-modfile=$(VERSION).mod) -o ../bin/conformance.test .
ifndef KUBECONFIG
	bin/testbed --name $(SUITE) up --profile conformance --ip-family $(FAMILY)
	bin/install -name $(SUITE) -channel $(CHANNEL) -gateway-api $(VERSION)
endif
	$(call REACH,$(SUITE)) bin/conformance.test -test.v -test.timeout=2h -test.parallel=3 -gateway-class=kedify \
	  '-out=$(OUT)' -version=$(SNAPSHOT) $(ADDRESSES) $(foreach arg,$(profile),'$(arg)') \
	  $(if $(RUN),-run-test=$(RUN) $(if $(filter core,$(PROFILE)),,-all-features))

.PHONY: ipv6
ipv6: bin/testbed bin/install ## A cluster with IPv6 addresses alone: the core profile of Gateway API, and the quickstart (example http-basic)
	bin/testbed --name ipv6 up --profile conformance --ip-family ipv6
	$(MAKE) conformance KUBECONFIG= SUITE=ipv6 FAMILY=ipv6 PROFILE=core ADDRESSES='-usable-address=fd10:99::ff07 -unusable-address=2001:db8::9'
	go test -c -o bin/e2e.test ./test/e2e
	$(call REACH,ipv6) bin/e2e.test -test.v -test.run='^TestExamples$$/^http-basic$$' -root=$(CURDIR)

.PHONY: newcomer
newcomer: bin/testbed bin/install ## What a newcomer pastes: the commands of README and of the quickstart, on a cluster that has KEDA alone
	bin/testbed --name newcomer down
	bin/testbed --name newcomer up --profile keda
	bin/install -name newcomer -keda -product=false
	go build -modfile=hack/helm/go.mod -o bin/helm helm.sh/helm/v4/cmd/helm
	go test -c -o bin/e2e.test ./test/e2e
	$(call REACH,newcomer) bin/e2e.test -test.v -test.timeout=1h -test.run='^(TestNewcomer|TestPageQuickstart)$$' -root=$(CURDIR)
	bin/testbed --name newcomer down

REPORTS = conformance/reports/v1.7/kedify-inference-gateway
INFERENCE_REPORTS = conformance/reports/inference/v1.6.0/gateway/kedify-inference-gateway

.PHONY: reports
reports: bin/testbed bin/release ## Regenerate conformance/reports on fresh clusters: both channels and the Inference Extension
	@version=$$(bin/release version); case $$version in *-modified) echo "reports are about a commit; commit first" >&2; exit 1;; esac; \
	rm -f $(REPORTS)/*.yaml $(INFERENCE_REPORTS)/*.yaml; \
	for channel in experimental standard; do \
	  bin/testbed --name $$channel down; \
	  $(MAKE) conformance KUBECONFIG= CHANNEL=$$channel SNAPSHOT=$$version OUT=$(CURDIR)/out/reports/$$channel \
	    PROFILE=$$(if [ $$channel = experimental ]; then echo all; else echo gateways; fi); \
	  bin/testbed --name $$channel down; \
	  cp out/reports/$$channel/gateway-api.yaml $(REPORTS)/$$channel-$$version-default-report.yaml; \
	done; \
	cp out/reports/experimental/inference.yaml $(INFERENCE_REPORTS)/experimental-$$version-default-gateway-report.yaml
	@echo "now name the new files in the README.md of their folders; go test ./docs -run TestReports checks them"

# Tests of autowiring have a cluster of their own, with the consumers of foreign objects.
FOREIGN = $(findstring Autowire,$(RUN))

.PHONY: e2e
e2e: bin/testbed bin/install ## The promises of the product; RUN=regexp of test names, ARGS=-long for the long forms; RUN=Autowire for autowiring
	go test -c -o bin/e2e.test ./test/e2e
	bin/testbed build python
ifndef KUBECONFIG
	bin/testbed --name $(if $(FOREIGN),autowire up --profile autowire,test up --profile conformance)
	$(if $(FOREIGN),,bin/testbed --name test images llm-d-inference-sim)
	bin/install -keda -name $(if $(FOREIGN),autowire -foreign,test)
endif
	$(call REACH,$(if $(FOREIGN),autowire,test)) bin/e2e.test -test.v -test.timeout=1h -test.parallel=6 \
	  $(if $(RUN),'-test.run=$(RUN)','-test.skip=^(TestAutowire|TestNewcomer|TestLoadGenerator)') -root=$(CURDIR) $(ARGS)

.PHONY: loadgen
loadgen: bin/testbed bin/install ## A public load generator, inference-perf, against a model behind a Gateway; prints the table of docs/load.md
	bin/testbed build inference-perf
	$(MAKE) e2e RUN='^TestLoadGenerator$$'

.PHONY: soak
soak: ## The long forms of promises (fifty kills, slow cycles, 200 wakings of a pool, a lost certificate, minutes without an API server) and of bench/scaling, and FUZZTIME=10m of every fuzz target
	go test -count=1 -v -timeout=1h ./bench/scaling/study -args -long
	$(MAKE) e2e RUN='$(or $(RUN),^(TestKedifyHTTPKills|TestKedifyHTTPCycles|TestKedifyHTTPMutualTLS|TestX9APIServerAway|TestInferenceWakings)$$)' ARGS=-long
	$(MAKE) fuzz FUZZTIME=$${FUZZTIME:-10m}

.PHONY: bench
bench: $(if $(filter scaling,$(NAME)),,bin/testbed bin/install) ## A benchmark with its bar: NAME=propagation|scale|counting|coldstart|scaling (a simulation; ARGS=-long)
	go build -o bin/bench-$(NAME) ./bench/$(NAME)
ifeq ($(NAME),scaling)
	bin/bench-scaling $(ARGS)
else
ifndef KUBECONFIG
	bin/testbed --name bench up --profile $(if $(filter coldstart,$(NAME)),keda,minimal)
	bin/install -name bench $(if $(filter coldstart,$(NAME)),-keda)
endif
	ENVOY="$(ENVOY)" $(call REACH,bench) bin/bench-$(NAME) $(ARGS)
endif

.PHONY: hpa
hpa: ## Compare what Kubernetes' HPA controller decides with bench/scaling/hpa/testdata; GOLDEN=update writes it; a module of its own
	cd bench/scaling/hpa/kubernetes && go test -count=1 -timeout=30m ./...
	go test -count=1 ./bench/scaling/hpa

##@ Pages

.PHONY: docs-site
docs-site: ## Build the pages of docs/ into out/site, with navigation and search
	python3 -m venv out/mkdocs
	out/mkdocs/bin/pip install --quiet --disable-pip-version-check --requirement hack/docs/requirements.txt
	out/mkdocs/bin/mkdocs build

##@ Housekeeping

.PHONY: clean
clean: bin/testbed ## Stop every cluster of this clone, remove what was built and what runs left
	bin/testbed down --all --purge
	rm -rf bin out

# Programs of our own; go build knows best whether anything changed.
.PHONY: bin/testbed bin/install bin/demo bin/testsum bin/release
bin/testbed bin/install bin/demo bin/testsum bin/release:
	@go build -o $@ ./hack/$(notdir $@)
