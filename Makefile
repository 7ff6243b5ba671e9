# vks: the names of the targets here are promises (README.md); what they do lives beside what they are about.
#
#   make            build/vks-agent and build/vks-helper
#   make deps       install the Debian packages that are missing; deps-build: only those that building wants, deps-demo: that the demo wants
#   make check      every test: unit, corpora, lint, component and end-to-end tests in the lab
#   make unit       unit tests and fuzz corpora only, under ASan and UBSan
#   make check-daemons   packages as images, one after the other in the lab: tests/daemons/list
#   make conformance     Kubernetes' own end-to-end suite on a node of vks, beside what tests/conformance/list says of each spec
#   make demo       the main job, from a bare machine to a running pod
#   make bench      the table of speed and memory
#   make deb        the Debian package, in build/; DEBIAN=trixie: for that release, in build/trixie/
#   make coverage   every line of helper/ and policy/ is executed by tests, or says why it cannot be
#   make property   random pods through random histories of their units, a million steps (STEPS=, SEED=): do Kubernetes' promises hold?
#   make mutants    is a unit test worth its name? Changes one operator of the code at a time and sees whether a test notices (tests/mutants).
#                   MUTANTS=100 (how many, or all), SEED= (today's date), FILES="agent/pod/plan.c ..." (the pure core and more)
#   make lint       the house rules that a machine can see
#   make fmt        put the code in the house's form
#   make fuzz       build the fuzzers (clang) into build/fuzz/; make fuzz-run: ten million executions of each
#   make clean

VERSION := $(shell sed -n '1s/.*(\(.*\)).*/\1/p' packaging/debian/changelog 2>/dev/null || echo 0)

CC ?= gcc
BUILD ?= build
WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Werror
HARDENING := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE -D_FORTIFY_SOURCE=2
CPPFLAGS += -D_GNU_SOURCE -I. -I$(BUILD)/gen -DVKS_VERSION='"$(VERSION)"'
CFLAGS ?= -O2 -g
CFLAGS_ALL = -std=gnu17 $(WARNINGS) $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(LDFLAGS)

PKG_HELPER := libsystemd libseccomp libcap libprotobuf-c
PKG_AGENT := libsystemd libcurl libcjson openssl libseccomp libcap libprotobuf-c yaml-0.1 zlib libpcre2-8
comma := ,

# What building wants is asked for when something is built, and once; where it is not there, one line says what to do. `make clean` asks nothing.
once = $(eval $(1) := $(2))$($(1))
absent = $(shell for p in $(1); do command -v $$p >/dev/null || echo $$p; done; \
	for h in $(3); do [ -e /usr/include/$$h ] || echo $$h; done; \
	! command -v pkg-config >/dev/null || for l in $(2); do pkg-config --exists $$l || echo $$l; done)
want = $(if $(call absent,$(1),$(2),$(3)),$(error not installed: $(call absent,$(1),$(2),$(3)); "make deps" as root installs what is wanted))
WANTED = $(call once,WANTED,$(call want,$(firstword $(CC)) pkg-config protoc-c,$(PKG_AGENT),uthash.h))
WANTED_BY_TESTS = $(call once,WANTED_BY_TESTS,$(WANTED)$(call want,,criterion))
lib = $(WANTED)$(if $(findstring criterion,$(1)),$(WANTED_BY_TESTS))$(shell pkg-config --libs $(1))

# System headers do not meet our warnings.
PKG_CFLAGS = $(call once,PKG_CFLAGS,$(shell pkg-config --cflags $(PKG_AGENT) | sed 's/-I/-isystem /g'))
CPPFLAGS += $(WANTED)$(if $(findstring /tests/unit/,$@),$(WANTED_BY_TESTS))$(PKG_CFLAGS)

.DEFAULT_GOAL := all
.PHONY: all deps deps-build deps-demo check check-daemons conformance unit demo bench deb lint fmt fuzz fuzz-run coverage property mutants clean
.SECONDARY:
.DELETE_ON_ERROR:

all: $(BUILD)/vks-agent $(BUILD)/vks-helper $(BUILD)/vks-exec $(BUILD)/vks-log

# ---- what the programs are made of ------------------------------------------------------------------------
sources = $(patsubst %.c,%,$(sort $(shell find $(1) -name '*.c')))
COMMON := $(call sources,common)
PROTO  := $(call sources,proto)
POLICY := $(call sources,policy)
HELPER := $(filter-out helper/exec/% helper/log/%,$(call sources,helper))
AGENT  := $(call sources,agent)

GEN := $(BUILD)/gen/helper.pb-c.h

$(BUILD)/gen/helper.pb-c.c $(BUILD)/gen/helper.pb-c.h &: proto/helper.proto
	@$(WANTED)mkdir -p $(BUILD)/gen
	protoc-c --proto_path=proto --c_out=$(BUILD)/gen $<

# One rule set per kind of build: opt (what is installed), san (what is tested), cov (what is counted).
define kind
$(BUILD)/$(1)/%.o: %.c | $(GEN)
	@mkdir -p $$(@D)
	$(2) -std=gnu17 $(WARNINGS) $$(CPPFLAGS) $(3) -MMD -MP -c -o $$@ $$<
$(BUILD)/$(1)/gen.o: $(BUILD)/gen/helper.pb-c.c
	@mkdir -p $$(@D)
	$(2) -std=gnu17 -w $$(CPPFLAGS) $(3) -c -o $$@ $$<
$(BUILD)/$(1)/libcommon.a: $(COMMON:%=$(BUILD)/$(1)/%.o)
	@rm -f $$@; ar qcs $$@ $$^
$(BUILD)/$(1)/libproto.a: $(PROTO:%=$(BUILD)/$(1)/%.o) $(BUILD)/$(1)/gen.o
	@rm -f $$@; ar qcs $$@ $$^
$(BUILD)/$(1)/libpolicy.a: $(POLICY:%=$(BUILD)/$(1)/%.o)
	@rm -f $$@; ar qcs $$@ $$^
$(BUILD)/$(1)/libhelper.a: $(filter-out $(BUILD)/$(1)/helper/main.o,$(HELPER:%=$(BUILD)/$(1)/%.o))
	@rm -f $$@; ar qcs $$@ $$^
$(BUILD)/$(1)/libagent.a: $(filter-out $(BUILD)/$(1)/agent/main.o,$(AGENT:%=$(BUILD)/$(1)/%.o))
	@rm -f $$@; ar qcs $$@ $$^
$(BUILD)/$(1)/vks-helper: $(BUILD)/$(1)/helper/main.o $(BUILD)/$(1)/libhelper.a $(BUILD)/$(1)/libpolicy.a $(BUILD)/$(1)/libproto.a $(BUILD)/$(1)/libcommon.a
	$(2) $(3) $(LDFLAGS_ALL) -o $$@ $$^ $$(call lib,$(PKG_HELPER))
$(BUILD)/$(1)/vks-agent: $(BUILD)/$(1)/agent/main.o $(BUILD)/$(1)/libagent.a $(BUILD)/$(1)/libproto.a $(BUILD)/$(1)/libcommon.a
	$(2) $(3) $(LDFLAGS_ALL) -o $$@ $$^ $$(call lib,$(PKG_AGENT))
$(BUILD)/$(1)/vks-exec: $(BUILD)/$(1)/helper/exec/vks_exec.o $(BUILD)/$(1)/libcommon.a
	$(2) $(3) $(LDFLAGS_ALL) -o $$@ $$^ $$(call lib,libcap)
$(BUILD)/$(1)/vks-log: $(BUILD)/$(1)/helper/log/vks_log.o $(BUILD)/$(1)/libcommon.a
	$(2) $(3) $(LDFLAGS_ALL) -o $$@ $$^
endef

SAN := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined -fPIE -DVKS_SANITIZED
$(eval $(call kind,opt,$(CC),$(CFLAGS) $(HARDENING)))
$(eval $(call kind,san,$(CC),$(SAN)))
COV := -O0 -g --coverage -fprofile-update=atomic
$(eval $(call kind,cov,$(CC),$(COV)))
# Compiled often and run once: what `make mutants` tries first.
$(eval $(call kind,mut,$(CC),-O0 -fPIE -w))
-include $(shell find $(BUILD) -path $(BUILD)/mutants -prune -o -name '*.d' -print 2>/dev/null)

$(BUILD)/vks-agent $(BUILD)/vks-helper $(BUILD)/vks-exec $(BUILD)/vks-log: $(BUILD)/%: $(BUILD)/opt/%
	cp -f $< $@

# ---- unit tests: tests/unit/ROOM/test_X.c is a criterion program of its own, $(BUILD)/san/test_X --------------
UNIT_SOURCES := $(sort $(shell find tests/unit -name 'test_*.c'))
UNIT := $(patsubst %.c,$(BUILD)/san/%,$(notdir $(UNIT_SOURCES)))
SAN_LIBS := $(foreach l,agent helper policy proto common,$(BUILD)/san/lib$(l).a)

define unit_test
$(BUILD)/san/$(notdir $(1)): $(BUILD)/san/$(1).o $(BUILD)/san/tests/unit/fork.o $(SAN_LIBS)
	$(CC) $(SAN) $$(LDFLAGS_ALL) -o $$@ $$^ $$(call lib,$(PKG_AGENT) criterion)
endef
$(foreach t,$(UNIT_SOURCES:.c=),$(eval $(call unit_test,$(t))))

# The same test as in `make unit`, with more steps, and without sanitizers so that a million of them take seconds.
$(BUILD)/opt/test_property: $(patsubst %,$(BUILD)/opt/%.o,tests/unit/agent/pod/test_property $(filter agent/pod/% agent/lib/%,$(AGENT)) proto/hash) $(BUILD)/opt/libcommon.a
	$(CC) $(CFLAGS) $(LDFLAGS_ALL) -o $@ $^ $(call lib,$(PKG_AGENT) criterion)

$(BUILD)/san/test_helper_requests $(BUILD)/cov/test_helper_requests: LDFLAGS += -Wl,--wrap=arena_init
# The pods that it asks are its own.
$(BUILD)/san/test_probes: LDFLAGS += -Wl,--wrap=pods_container_at,--wrap=pods_probed,--wrap=pods_tell
$(BUILD)/san/test_sample: LDFLAGS += -Wl,--wrap=pods_container_at,--wrap=shown_uids
$(BUILD)/san/test_claim_usage: LDFLAGS += -Wl,--wrap=shown_uids,--wrap=pods_look
$(BUILD)/san/test_evictor: LDFLAGS += -Wl,--wrap=shown_uids,--wrap=pods_look,--wrap=pods_evict,--wrap=pods_set_conditions,--wrap=node_look_at_pressure,--wrap=sample_take,--wrap=sample_cancel
# In which it writes a journal while it is read.
$(BUILD)/san/test_container_log: LDFLAGS += -Wl,--wrap=sd_journal_next
# It starts the program that lies beside it.
$(BUILD)/san/test_helper_program: | $(BUILD)/san/vks-helper
$(BUILD)/cov/test_helper_program: | $(BUILD)/cov/vks-helper

# What `make coverage` runs: the tests of root's part.
COVERED_SOURCES := $(filter tests/unit/helper/% tests/unit/policy/%,$(UNIT_SOURCES))
COVERED := $(patsubst %.c,$(BUILD)/cov/%,$(notdir $(COVERED_SOURCES)))
COV_LIBS := $(foreach l,helper policy proto common,$(BUILD)/cov/lib$(l).a)
define covered_test
$(BUILD)/cov/$(notdir $(1)): $(BUILD)/cov/$(1).o $(COV_LIBS)
	$(CC) $(COV) $$(LDFLAGS_ALL) -o $$@ $$^ $$(call lib,$(PKG_HELPER) criterion)
endef
$(foreach t,$(COVERED_SOURCES:.c=),$(eval $(call covered_test,$(t))))

# ---- fuzzers: tests/fuzz/fuzz_X.c; here a plain main runs the corpus, `make fuzz` gives libFuzzer's ---------
FUZZ := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

$(FUZZ:%=$(BUILD)/san/%): $(BUILD)/san/%: $(BUILD)/san/tests/fuzz/%.o $(BUILD)/san/tests/fuzz/corpus_main.o $(SAN_LIBS)
	$(CC) $(SAN) $(LDFLAGS_ALL) -o $@ $^ $(call lib,$(PKG_AGENT))

# Seeds that follow from a table are made, not kept: they are run beside the corpus, and a fuzzer is given both directories.
$(BUILD)/san/seeds_wire: $(BUILD)/san/tests/fuzz/seeds_wire.o $(BUILD)/san/libproto.a $(BUILD)/san/libcommon.a
	$(CC) $(SAN) $(LDFLAGS_ALL) -o $@ $^ $(call lib,$(PKG_HELPER))
$(BUILD)/seeds: $(BUILD)/san/seeds_wire
	@rm -rf $@; mkdir -p $@/wire $@/request
	$< $@/wire
	$< $@/request

# ---- the rest ----------------------------------------------------------------------------------------------
# What is wanted where; the names are the same in Debian 12 and 13. tests/lab/packages is what the lab wants.
BUILD_DEPS := build-essential pkg-config protobuf-c-compiler libprotobuf-c-dev libsystemd-dev libcurl4-openssl-dev libcjson-dev libssl-dev \
	libseccomp-dev libcap-dev libyaml-dev zlib1g-dev libpcre2-dev uthash-dev debhelper dpkg-dev fakeroot
TEST_DEPS := libcriterion-dev clang clang-tidy clang-format cppcheck libclang-rt-dev shellcheck valgrind lcov lintian python3 python3-yaml git \
	systemd-journal-remote slirp4netns python3-kubernetes node=nodejs npm=npm tmux ccache

deps:
	@tests/deps $(TRY) $(BUILD_DEPS) $(shell cat tests/lab/packages) $(TEST_DEPS)
deps-build:
	@tests/deps $(BUILD_DEPS)
deps-demo:
	@tests/deps $(BUILD_DEPS) $(shell cat tests/lab/packages)

# One request to the helper after the other, by hand and for tests/e2e/hostile.sh and privilege.sh.
$(BUILD)/helperctl: $(BUILD)/opt/tests/tools/helperctl.o $(BUILD)/opt/libproto.a $(BUILD)/opt/libcommon.a
	$(CC) $(CFLAGS) $(LDFLAGS_ALL) -o $@ $^ $(call lib,libprotobuf-c)

# The agent that means harm, for tests/e2e/hostile.sh.
$(BUILD)/hostile: $(BUILD)/opt/tests/hostile/hostile.o $(BUILD)/opt/libproto.a $(BUILD)/opt/libcommon.a
	$(CC) $(CFLAGS) $(LDFLAGS_ALL) -o $@ $^ $(call lib,$(PKG_HELPER))
# The one that composes, and what runs in its pods, for tests/e2e/compose.sh.
$(BUILD)/compose: $(patsubst %,$(BUILD)/opt/tests/hostile/%.o,compose compose_steps compose_look compose_limits) $(BUILD)/opt/libproto.a $(BUILD)/opt/libcommon.a
	$(CC) $(CFLAGS) $(LDFLAGS_ALL) -o $@ $^ $(call lib,$(PKG_HELPER))
$(BUILD)/mischief: $(BUILD)/opt/tests/hostile/mischief.o $(BUILD)/opt/libcommon.a
	$(CC) $(CFLAGS) $(LDFLAGS_ALL) -o $@ $^ $(call lib,libcap)
$(BUILD)/hostile.so: tests/hostile/preload.c
	$(CC) $(WARNINGS) $(CFLAGS) -fPIC -shared -o $@ $<

deb:
	@$(if $(DEBIAN),,$(WANTED)$(call want,dpkg-buildpackage dh fakeroot))
	$(if $(filter-out $(shell . /etc/os-release && echo $$VERSION_CODENAME),$(DEBIAN)),tests/lab/lab build deb,packaging/build-deb $(BUILD))

lint:
	@$(WANTED)$(call want,clang-format clang-tidy cppcheck shellcheck git)
	tests/lint

check: deps
	tests/check

check-daemons: deps
	$(MAKE) -s deb
	tests/daemons/run

conformance: deps
	tests/conformance/run

demo: deps-demo
	tests/demo

bench: deps
	$(MAKE) -s deb
	tests/bench/run

fmt:
	@$(call want,clang-format git)
	clang-format -i $$(git ls-files '*.c' '*.h')

# Each of them twice: with ASan and UBSan, into build/fuzz; for numbers, with traps for undefined behaviour only, into build/fast.
FUZZ_FLAGS := -O2 -g -fno-omit-frame-pointer -Wno-gnu-statement-expression
FUZZ_SAN := address,undefined -fno-sanitize-recover=undefined
FUZZ_FAST := undefined -fsanitize-trap=undefined
fuzz: $(FUZZ:%=$(BUILD)/fuzz/%) $(FUZZ:%=$(BUILD)/fast/%) $(BUILD)/seeds
$(eval $(call kind,fuzzlib,clang,-fsanitize=fuzzer-no-link$(comma)$(FUZZ_SAN) $(FUZZ_FLAGS)))
$(eval $(call kind,fastlib,clang,-fsanitize=fuzzer-no-link$(comma)$(FUZZ_FAST) $(FUZZ_FLAGS)))
$(FUZZ:%=$(BUILD)/fuzz/%): $(BUILD)/fuzz/%: $(BUILD)/fuzzlib/tests/fuzz/%.o $(foreach l,agent helper policy proto common,$(BUILD)/fuzzlib/lib$(l).a)
	@mkdir -p $(@D)
	clang -fsanitize=fuzzer,$(FUZZ_SAN) $(FUZZ_FLAGS) -o $@ $^ $(call lib,$(PKG_AGENT))
$(FUZZ:%=$(BUILD)/fast/%): $(BUILD)/fast/%: $(BUILD)/fastlib/tests/fuzz/%.o $(foreach l,agent helper policy proto common,$(BUILD)/fastlib/lib$(l).a)
	@mkdir -p $(@D)
	clang -fsanitize=fuzzer,$(FUZZ_FAST) $(FUZZ_FLAGS) -o $@ $^ $(call lib,$(PKG_AGENT))

fuzz-run: fuzz
	tests/fuzz/run

unit: $(UNIT) $(FUZZ:%=$(BUILD)/san/%) $(BUILD)/seeds
	tests/run-unit $(BUILD)/san $(BUILD)/seeds

coverage: $(COVERED)
	tests/coverage $(BUILD)/cov

property: $(BUILD)/opt/test_property
	PROPERTY_STEPS=$(or $(STEPS),1000000) PROPERTY_SEED=$(or $(SEED),1) $< -j1

# In a copy of the tree, in $(BUILD)/mutants.
mutants: export COMPILE = $(CC) -std=gnu17 $(subst -I$(BUILD)/gen,-Ibuild/gen,$(subst \,,$(CPPFLAGS)))
mutants: export LIBS = $(call lib,$(PKG_AGENT) criterion)
mutants:
	CC='$(CC)' SAN='$(SAN)' LINK='$(LDFLAGS_ALL)' BUILD='$(BUILD)' tests/mutants $(MUTANTS_FLAGS) -n $(or $(MUTANTS),100) $(SEED:%=-s %) $(FILES)

clean:
	rm -rf $(BUILD)
