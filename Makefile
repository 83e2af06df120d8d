# What there is to do: make demo, make test, make check, make bench. Each installs what it needs.

CARGO ?= cargo
# Tests of the service start a real Apache Kafka: java and mvn must be there, else they say `skipped` (on CI they fail). So do
# tests with Prometheus, Alertmanager and Chromium, which `make test` installs as root.
TEST := $(shell command -v cargo-nextest >/dev/null 2>&1 && echo nextest run || echo test)

.PHONY: help demo quality test check format lint deny docs bench profile peers regions native parts deploy

help:
	@echo "make demo    simulated apps, an in-process Kafka, the service: which apps are caught, and why; until Ctrl-C"
	@echo "make test    every test, the service against a real Apache Kafka included"
	@echo "make check   format, lints, tests, dependencies, documents"
	@echo "make bench   how fast it is"
	@echo "make profile where the instructions of a call go, by callgrind"
	@echo "make peers   how fast others do what it does: Flink SQL, Kafka Streams, Bytewax, DuckDB; half an hour"
	@echo "make quality how good the alerts are: writes QUALITY.md"
	@echo "make regions brings the table of Chinese number prefixes up to date"

# Until Ctrl-C; for half a minute where stdout is no terminal (a pipe, CI), unless ARGS say how long.
demo: native
	@$(CARGO) build --release --bin dialwatch
	@if [ -t 1 ]; then length=; else length="--for 30s"; fi; \
		$(CARGO) run --release --quiet -- demo $(if $(findstring --for,$(ARGS)),,$$length) $(ARGS)

test: native parts
	$(CARGO) $(TEST) --no-fail-fast $(ARGS)

check: format lint test deny docs deploy

format:
	$(CARGO) fmt --check

lint: native
	$(CARGO) clippy --all-targets -- -D warnings

# Licences, bans and sources always; advisories where their database can be reached.
deny:
	@command -v cargo-deny >/dev/null 2>&1 || $(CARGO) install cargo-deny --locked
	@if $(CARGO) deny fetch db >/dev/null 2>&1; then \
		$(CARGO) deny check; \
	else \
		echo "the advisory database cannot be reached: advisories are NOT checked, everything else is"; \
		$(CARGO) deny check licenses bans sources; \
	fi

docs: native
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --document-private-items

# The bench of the service starts a real Apache Kafka as the tests do, or says `skipped`. `make bench ARGS='--bench service'`.
bench: native
	$(CARGO) bench $(ARGS)

# Of functions, each with what it calls.
profile: native parts
	$(CARGO) build --release --bin dialwatch
	benches/profile.sh target/release/dialwatch target/profile

# The same features by dialwatch and by other engines. Needs python3 with venv, java and mvn; what is missing is skipped in words.
peers: native
	python3 benches/peers/run.py $(ARGS)

# The provinces of Chinese prefixes, from the newest data of libphonenumber. Needs python3 with venv; see src/engine/region.
regions:
	python3 -m venv target/regions
	target/regions/bin/pip install --quiet --upgrade phonenumbers
	target/regions/bin/python src/engine/region/update.py

# Worlds held out from tuning, judged; the same program writes the same page. Takes a quarter of an hour.
quality: native
	$(CARGO) bench --bench quality -- --write

# Image, compose file, chart and unit, each with the tools that read such files. Needs npm and python3 with venv.
deploy: parts
	$(CARGO) build --quiet
	DIALWATCH=$(CURDIR)/target/debug/dialwatch deploy/check.sh

# Real parts of the tests out of Debian. Where they cannot be had, tests say `skipped`; on CI they fail.
PARTS := chromium prometheus prometheus-alertmanager jsonnet python3 valgrind
parts:
	@missing=; for part in $(PARTS); do command -v $$part >/dev/null 2>&1 || missing="$$missing $$part"; done; \
	if [ -n "$$missing" ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "installing$$missing"; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi

# librdkafka is compiled from source and needs the headers of zlib and OpenSSL.
native:
	@printf '#include <zlib.h>\n#include <openssl/ssl.h>\n' | $(CC) -E -xc - >/dev/null 2>&1 || { \
		echo "installing the headers of zlib and OpenSSL"; \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends zlib1g-dev libssl-dev pkg-config; \
	}
