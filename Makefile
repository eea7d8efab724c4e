# ngx_ess_module: "make help" lists the targets.  All that is built goes under
# build/, all that "make run" keeps under run/; both can be thrown away.

NGINX_SRC    ?= /usr/share/nginx/src
PYTHON       ?= /usr/bin/python3
CLANG        ?= clang
FUZZ_SECONDS ?= 10
REPEAT       ?= 1
PORT         ?= 8080
API_PORT     ?= 8081
MODULES_DIR  ?= /usr/lib/nginx/modules
CONF_DIR     ?= /usr/share/nginx/modules-available

BUILD_PKGS   := gcc make libc6-dev pkg-config nginx nginx-dev \
                librabbitmq-dev libcjson-dev libsqlite3-dev zlib1g-dev \
                libpq-dev
RUNTIME_PKGS := nginx librabbitmq4 libcjson1 libsqlite3-0 libpq5
RUN_PKGS     := $(BUILD_PKGS) rabbitmq-server python3 python3-pika \
                python3-websockets curl jq
RUN_RPC_PKGS := $(BUILD_PKGS) rabbitmq-server postgresql python3 \
                python3-aiohttp python3-psycopg2 python3-pika amqp-tools curl
TEST_PKGS    := $(RUN_PKGS) $(RUN_RPC_PKGS) python3-pytest \
                python3-pytest-xdist libcmocka-dev libssl-dev clang \
                libclang-rt-dev httpie openssl chromium-driver \
                prometheus python3-jwt python3-cryptography python3-yaml \
                libnginx-mod-http-brotli-filter brotli iproute2 \
                python3-dateutil python3-jsonschema python3-pip groff-base \
                pgbouncer

DEB_PKGS     := $(BUILD_PKGS) libssl-dev build-essential debhelper python3 \
                $(if $(LINT),lintian)

BENCH_PKGS   := $(RUN_PKGS) libssl-dev libnginx-mod-nchan openssl python3-pip

# for the machine that builds, and for the one that it builds for
ARM64_PKGS   := gcc-aarch64-linux-gnu binutils-aarch64-linux-gnu qemu-user
ARM64_ROOT_PKGS := nginx libc6-dev libpcre2-dev libssl-dev librabbitmq-dev \
                libcjson-dev libsqlite3-dev zlib1g-dev libpq-dev

ifneq ($(VALGRIND),)
TEST_PKGS    += valgrind
endif

# Debian's package of each tool that is not there in another way: for the client
# libraries that "make test" tries, and for all of t/peers
FEW_TOOLS    := go:golang-go javac:default-jdk-headless
PEER_TOOLS   := cargo:cargo npm:npm mvn:maven
tool_pkgs     = $(foreach t,$(1),$(if $(shell command -v $(firstword \
                    $(subst :, ,$t))),,$(lastword $(subst :, ,$t))))

# nginx's own flags add -W (that is -Wextra) -Wall -Werror to these.  They
# must not stand here: configure would try its features with them, and take
# what only warns for missing.
CC_PLAIN     := -g -O2 -fstack-protector-strong -Wformat \
                -Werror=format-security -fPIC -D_FORTIFY_SOURCE=2
CC_SANITIZE  := -g -O1 -fPIC -fno-omit-frame-pointer \
                -fsanitize=address,undefined -fno-sanitize-recover=undefined
# nodelete: reports that are made after nginx unloaded the module name its lines
LD_SANITIZE  := -fsanitize=address -fsanitize=undefined -Wl,-z,nodelete

FLAVOUR      := $(if $(SANITIZE),sanitize)$(if $(FAULT),fault)$(if \
                    $(ARM64),arm64)
TOP          := $(CURDIR)/build
BUILD        := $(TOP)$(if $(FLAVOUR),/$(FLAVOUR))
OBJS         := $(BUILD)/objs
MODULE       := $(BUILD)/ngx_ess_module.so
MODULE_PG    := $(BUILD)/ngx_ess_postgresql_module.so

CC_OPT       := $(strip $(if $(SANITIZE),$(CC_SANITIZE),$(CC_PLAIN)) \
                        $(if $(FAULT),-DNGX_ESS_FAULT -DNGX_ESS_FAULT_ALLOC))
LD_OPT       := $(strip -Wl,-z,relro -Wl,-z,now -fPIC \
                        $(if $(SANITIZE),$(LD_SANITIZE)))

# A cross-build (ARM64=1, after "make arm64-deps") is configured with the
# compiler of here, for nginx runs what it probes: both are a 64-bit Linux with
# little-endian words.
ARM64_ROOT   := $(TOP)/arm64/root
CROSS        := $(if $(ARM64),--crossbuild=Linux::aarch64)
CROSS_ENV    := $(if $(ARM64),NGX_MACHINE=aarch64)
CROSS_CC     := $(if $(ARM64),CC='aarch64-linux-gnu-gcc \
                    --sysroot=$(ARM64_ROOT)')

# jobs for the make of nginx, unless -j was given to this one
JOBS          = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell nproc))

INCS         := $(addprefix -I $(NGINX_SRC)/src/,core event event/modules \
                    event/quic os/unix http http/modules http/v2 http/v3) \
                -I $(OBJS) $(addprefix -I ,src src/amqp src/source \
                    src/source/exchange src/source/rabbitmq \
                    src/source/event_log src/stream \
                    src/registry src/subscriber src/client src/transport \
                    src/encoding src/request src/rpc \
                    src/api src/store src/auth src/console \
                    src/schema src/openapi src/events src/sqlite fault) \
                -I src/events/postgresql


.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.PHONY: all deps build-deps run-deps run-rpc-deps runtime-deps bench-deps \
        deb-deps long-deps peers-deps proxies-deps arm64-deps conf-deps \
        nginx-deps \
        run run-rpc run-events broker test test-long test-peers test-proxies \
        test-arm64 test-conf check unit fuzz fuzz-build fuzz-replay bench zone-dump \
        lint install deb man check-nginx compile_commands ci clean clean-run \
        help FORCE


all: $(MODULE)    ## build/ngx_ess_module.so (SANITIZE=1, FAULT=1, ARM64=1: another)

deps:             ## install what all targets need, from Debian's packages
	@tools/deps.sh $(TEST_PKGS) $(call tool_pkgs,$(FEW_TOOLS))

# what one target needs: "make", "make run", and to run what was built
build-deps:
	@tools/deps.sh $(BUILD_PKGS)

run-deps:
	@tools/deps.sh $(RUN_PKGS)

runtime-deps:
	@tools/deps.sh $(RUNTIME_PKGS)

run-rpc-deps:
	@tools/deps.sh $(RUN_RPC_PKGS)

bench-deps:
	@tools/deps.sh $(BENCH_PKGS)

deb-deps:
	@tools/deps.sh $(DEB_PKGS)


$(OBJS)/inputs: FORCE
	@mkdir -p $(OBJS)
	@{ echo '$(CC_OPT) $(LD_OPT) $(NGINX_SRC)'; \
	   find ngx_ess_module.c src $(wildcard fault) -name '*.[ch]' | LC_ALL=C sort; } > $@.$$$$; \
	 cmp -s $@.$$$$ $@ && rm $@.$$$$ || mv $@.$$$$ $@

$(OBJS)/Makefile: config $(OBJS)/inputs $(wildcard $(NGINX_SRC)/conf_flags)
	@test -f $(NGINX_SRC)/conf_flags || { \
	    echo "nginx's headers are not in $(NGINX_SRC): run 'make deps'," \
	         "or name their folder: make NGINX_SRC=..." >&2; exit 1; }
	@echo "configuring $(BUILD)"
	@cd $(NGINX_SRC) && ASAN_OPTIONS=detect_leaks=0 $(CROSS_ENV) bash -c \
	    '. ./conf_flags && ./configure --with-cc-opt="$(CC_OPT)" \
	    --with-ld-opt="$(LD_OPT)" "$${NGX_CONF_FLAGS[@]}" $(CROSS) \
	    --builddir=$(OBJS) --add-dynamic-module=$(CURDIR)' \
	    > $(BUILD)/configure.log 2>&1 \
	    || { tail -n 20 $(BUILD)/configure.log >&2; exit 1; }
	@touch $@

# by way of a new file: a running nginx may have the old one mapped
$(MODULE): $(OBJS)/Makefile FORCE
	@+$(MAKE) $(JOBS) --no-print-directory -s -f $(OBJS)/Makefile \
	    -C $(NGINX_SRC) $(CROSS_CC) modules
	@cmp -s $(OBJS)/ngx_ess_module.so $@ || { \
	    cp $(OBJS)/ngx_ess_module.so $@.new && mv $@.new $@ \
	    && echo "built $@"; }
	@test ! -e $(OBJS)/ngx_ess_postgresql_module.so \
	    || cmp -s $(OBJS)/ngx_ess_postgresql_module.so $(MODULE_PG) || { \
	    cp $(OBJS)/ngx_ess_postgresql_module.so $(MODULE_PG).new \
	    && mv $(MODULE_PG).new $(MODULE_PG) && echo "built $(MODULE_PG)"; }


# Unit tests and fuzzers name the sources that they link in their first lines:
# " * links: src/a.c src/b_*.c".

links         = $(wildcard $(shell sed -n '1,20s/^ \* links: *//p' $(1)))

UNIT_SRCS    := $(sort $(shell find t/unit -name 'test_*.c' 2>/dev/null))
UNIT_SRCS    := $(if $(T),$(foreach u,$(UNIT_SRCS),$(if \
                    $(findstring $(firstword $(T)),$(u)),$(u))),$(UNIT_SRCS))
UNIT         := $(UNIT_SRCS:t/unit/%.c=$(TOP)/unit/%)
UNIT_CFLAGS  := -g -O1 -fno-omit-frame-pointer -ffunction-sections \
                -fsanitize=address,undefined -fno-sanitize-recover=undefined \
                -D_GNU_SOURCE -DNGX_ESS_FAULT \
                -Wall -Wextra -Wno-unused-parameter -Werror
# what a test does not reach may need what it does not link
UNIT_LIBS    := -Wl,--gc-sections -lcmocka -lrabbitmq -lcjson -lsqlite3 -lz \
                -lpthread -lssl -lcrypto -lpcre2-8

FUZZ_SRCS    := $(sort $(wildcard t/fuzz/fuzz_*.c))
FUZZ_SRCS    := $(if $(T),$(foreach u,$(FUZZ_SRCS),$(if \
                    $(findstring $(firstword $(T)),$(u)),$(u))),$(FUZZ_SRCS))
FUZZ         := $(FUZZ_SRCS:t/fuzz/%.c=$(TOP)/fuzz/%)
FUZZ_CFLAGS  := -g -O1 -fno-omit-frame-pointer \
                -fsanitize=fuzzer,address,undefined \
                -fno-sanitize-recover=undefined -D_GNU_SOURCE -Wall -Wextra \
                -Wno-unused-parameter -Werror
FUZZ_LIBS    := -lrabbitmq -lcjson -lsqlite3 -lz -lpthread -lcrypto -lpcre2-8

# Objects are kept: after a change only what it concerns is compiled again.  What
# each depends on the compiler writes beside it.

objects       = $(patsubst %.c,$(TOP)/$(1)/objs/%.o,$(2) $(call links,$(2)))

$(TOP)/unit/objs/%.o: %.c | $(OBJS)/Makefile
	@mkdir -p $(@D)
	@$(CC) $(UNIT_CFLAGS) $(INCS) -I t/unit -MMD -MP -c -o $@ $<

$(TOP)/fuzz/objs/%.o: %.c | $(OBJS)/Makefile
	@mkdir -p $(@D)
	@$(CLANG) $(FUZZ_CFLAGS) $(INCS) -I t/fuzz -MMD -MP -c -o $@ $<

-include $(shell find $(TOP)/unit/objs $(TOP)/fuzz/objs -name '*.d' \
             2>/dev/null)

define unit_rule
$(TOP)/unit/$(1:t/unit/%.c=%): $(call objects,unit,$(1))
	@mkdir -p $$(@D)
	@echo "cc $$(notdir $$@)"
	@$(CC) $(UNIT_CFLAGS) -o $$@ $$^ $(UNIT_LIBS)
endef

define fuzz_rule
$(TOP)/fuzz/$(1:t/fuzz/%.c=%): $(call objects,fuzz,$(1))
	@mkdir -p $$(@D)
	@echo "clang $$(notdir $$@)"
	@$(CLANG) $(FUZZ_CFLAGS) -o $$@ $$^ $(FUZZ_LIBS)
endef

$(foreach u,$(UNIT_SRCS),$(eval $(call unit_rule,$(u))))
$(foreach u,$(FUZZ_SRCS),$(eval $(call fuzz_rule,$(u))))

unit: $(UNIT)     ## build and run the unit tests (T=name: some)
	@tools/unit.sh $(UNIT)

fuzz-build: $(FUZZ)

fuzz: $(FUZZ)     ## run each fuzzer for FUZZ_SECONDS=10 (T=name: one)
	@printf '%s\n' $(FUZZ) | FUZZ_SECONDS=$(FUZZ_SECONDS) \
	 xargs -n 1 -P $$(nproc) tools/fuzz.sh run

fuzz-replay: $(FUZZ)  ## run the fuzzers over their committed corpus only
	@tools/fuzz.sh replay $(FUZZ)


test: deps        ## everything (T=name, REPEAT=n, SANITIZE=1, VALGRIND=1)
	@+$(MAKE) --no-print-directory check

# the part of "test" that installs nothing
check:
	@+$(MAKE) --no-print-directory all
	@+$(MAKE) --no-print-directory all FAULT=1
	@+$(MAKE) --no-print-directory unit
	@+$(MAKE) --no-print-directory fuzz-replay
	@+$(MAKE) --no-print-directory $(TOP)/zone-dump
	@ESS_MODULE=$(MODULE) \
	 ESS_FAULT_MODULE=$(TOP)/$(if $(SANITIZE),sanitize)fault/ngx_ess_module.so \
	 ESS_SANITIZE=$(SANITIZE) ESS_VALGRIND=$(VALGRIND) \
	 PYTHON=$(PYTHON) REPEAT=$(REPEAT) \
	 tools/test.sh '$(T)' $(words $(UNIT) $(FUZZ))

# programs of the bench; "make bench" takes the plain module
BENCH        := $(patsubst bench/%.c,$(TOP)/bench/%,$(wildcard bench/*.c))

$(TOP)/bench/%: bench/%.c $(wildcard bench/*.h) | $(OBJS)/Makefile
	@mkdir -p $(@D)
	@echo "cc $(@F)"
	@$(CC) -O2 -g -W -Wall -Wextra -Werror -Wno-unused-parameter \
	    -I $(OBJS) -I src/amqp -o $@ $< -lrabbitmq -lsqlite3 -lssl -lcrypto -lz

long-deps: peers-deps
	@tools/deps.sh debootstrap

test-long: long-deps  ## what takes minutes: very many of all (T=name, SANITIZE=1)
	@+$(MAKE) --no-print-directory all $(BENCH)
	@+$(MAKE) --no-print-directory all FAULT=1
	@ESS_MODULE=$(MODULE) ESS_SANITIZE=$(SANITIZE) $(PYTHON) -m pytest -q -s $(if $(T),-k $(T)) t/long t/peers/test_clients.py

# from which docs/migrating.md leads here
PEER_PKGS    := libnginx-mod-nchan

peers-deps: deps
	@tools/deps.sh $(PEER_PKGS) $(call tool_pkgs,$(PEER_TOOLS))

test-peers: peers-deps  ## clients, publishers and services of others (T=name, SANITIZE=1)
	@+$(MAKE) --no-print-directory all
	@ESS_MODULE=$(MODULE) ESS_SANITIZE=$(SANITIZE) $(PYTHON) -m pytest -q -n 4 $(if $(T),-k $(T)) t/peers

# what stands in front of nginx
PROXY_PKGS   := haproxy apache2 varnish caddy squid stunnel4 hitch

proxies-deps: deps
	@tools/deps.sh $(PROXY_PKGS)

# most of it is waiting: for idle timeouts
test-proxies: proxies-deps  ## what docs/proxies.md puts in front of nginx (T=name)
	@+$(MAKE) --no-print-directory all
	@ESS_MODULE=$(MODULE) ESS_SANITIZE=$(SANITIZE) $(PYTHON) -m pytest -q -n 4 --dist loadgroup $(if $(T),-k $(T)) t/proxies

arm64-deps: deps
	@tools/deps.sh $(ARM64_PKGS)
	@tools/arm64-root.sh $(ARM64_ROOT) $(ARM64_ROOT_PKGS)

test-arm64: arm64-deps  ## a cross-build for arm64, run by qemu
	@+$(MAKE) --no-print-directory all ARM64=1
	@ESS_ARM64_ROOT=$(ARM64_ROOT) ESS_NGINX=$(CURDIR)/t/arm64/nginx \
	 ESS_MODULE=$(TOP)/arm64/ngx_ess_module.so \
	    $(PYTHON) -m pytest -q $(if $(T),-k $(T)) t/arm64

conf-deps: deps
	@tools/deps.sh python3-venv

test-conf: conf-deps  ## other programs read what is shipped
	@+$(MAKE) --no-print-directory all
	@$(PYTHON) -m pytest -q $(if $(T),-k $(T)) t/conf

bench: bench-deps ## measure, beside others (QUICK=1: only that it runs; T=name; BEFORE=x.so)
	@+$(MAKE) --no-print-directory all $(BENCH)
	@+$(MAKE) --no-print-directory all FAULT=1
	@exec $(PYTHON) bench/run.py $(if $(QUICK),--quick) $(if $(T),--only $(T)) \
	    $(if $(BEFORE),--before $(BEFORE))

# the checker, and what it calls
ZONE_DUMP    := tools/zone-dump.c $(wildcard fault/ngx_ess_zone_*.c) \
                $(addprefix src/stream/ngx_ess_,attr.c journal.c list.c pair.c \
                    lookup.c log_search.c zone.c)

$(TOP)/zone-dump: $(ZONE_DUMP) $(wildcard fault/*.h src/stream/*.h) | $(OBJS)/Makefile
	@echo "cc $(@F)"
	@$(CC) -g -O1 -D_GNU_SOURCE -DNGX_ESS_FAULT -ffunction-sections -Wall \
	    -Wextra -Wno-unused-parameter -Werror $(INCS) -o $@ $(ZONE_DUMP) \
	    -Wl,--gc-sections

zone-dump: $(TOP)/zone-dump  ## print a worker's zone, or a core file's (PID=n, CORE=file)
	@$< $(or $(PID),$(CORE))

lint:             ## what the test run checks of the tree and its text
	@$(PYTHON) -m pytest -q t/test_tree_includes.py t/test_tree_tests.py \
	    t/test_tree_units.py \
	    t/test_docs_architecture.py t/test_docs_text.py


run: run-deps     ## RabbitMQ and nginx in the foreground (AMQP=amqp://...)
	@+$(MAKE) --no-print-directory all
	@exec $(PYTHON) tools/run.py --module $(MODULE) --port $(PORT) \
	    --api-port $(API_PORT) $(if $(AMQP),--amqp '$(AMQP)')

# ports that nobody sets are free ones; PG_PORT is 5432 where AMQP_PORT is set
run-rpc: run-rpc-deps  ## the service of examples/rpc in the foreground (AMQP_PORT=n, PG_PORT=n)
	@+$(MAKE) --no-print-directory all
	@exec $(PYTHON) tools/run_rpc.py --module $(MODULE) \
	    $(if $(filter file,$(origin API_PORT)),,--port $(API_PORT)) \
	    $(if $(AMQP_PORT),--amqp-port $(AMQP_PORT)) \
	    $(if $(PG_PORT),--pg-port $(PG_PORT))

run-events: build-deps  ## an event log in SQLite in the foreground (API_PORT=n)
	@+$(MAKE) --no-print-directory all
	@exec $(PYTHON) tools/run_events.py --module $(MODULE) --port $(API_PORT)

# port, that between nodes, epmd's, and the management plugin's
BROKER_PORTS := 5680 5681 5682 15680

broker: run-deps  ## a RabbitMQ for tests in the foreground, which ESS_AMQP names
	@mkdir -p run/broker
	@echo "ESS_AMQP=amqp://guest:guest@127.0.0.1:$(firstword $(BROKER_PORTS))"
	@PYTHONPATH=tools exec $(PYTHON) t/lib/broker.py run/broker $$PPID \
	    $(BROKER_PORTS)

install: all      ## the modules into nginx's folder (DESTDIR=...)
	install -d $(DESTDIR)$(MODULES_DIR) $(DESTDIR)$(CONF_DIR)
	install -m 644 $(MODULE) $(DESTDIR)$(MODULES_DIR)/ngx_ess_module.so
	echo 'load_module modules/ngx_ess_module.so;' \
	    > $(DESTDIR)$(CONF_DIR)/mod-ess.conf
	test ! -e $(MODULE_PG) || { \
	    install -m 644 $(MODULE_PG) $(DESTDIR)$(MODULES_DIR) \
	    && echo 'load_module modules/ngx_ess_postgresql_module.so;' \
	        > $(DESTDIR)$(CONF_DIR)/mod-ess-postgresql.conf; }

# with another nginx than Debian's, built here
OTHER_NGINX   = $(if $(filter file,$(origin NGINX_SRC)),,$(NGINX_SRC))
NGINX_PKGS    = python3-pip $(if $(OTHER_NGINX)$(shell command -v \
                    cargo),,cargo)

nginx-deps: deps
	@tools/deps.sh $(NGINX_PKGS)

check-nginx: nginx-deps ## the tests with a newer nginx, or NGINX_SRC=dir (T=name, SANITIZE=1)
	@PYTHON=$(PYTHON) T='$(T)' SANITIZE=$(SANITIZE) \
	 CC_SANITIZE='$(CC_SANITIZE)' LD_SANITIZE='$(LD_SANITIZE)' \
	    tools/check-nginx.sh '$(OTHER_NGINX)' $(TOP)/nginx

deb: deb-deps     ## Debian's package, into build/deb (LINT=1: and lintian)
	@LINT=$(LINT) tools/deb.sh $(TOP)/deb

man:              ## the man page, of docs/directives.md, into build/man
	@mkdir -p $(TOP)/man
	@$(PYTHON) tools/man.py > $(TOP)/man/libnginx-mod-ess.7
	@echo "man -l build/man/libnginx-mod-ess.7"

compile_commands: $(OBJS)/Makefile  ## compile_commands.json, for clangd
	@$(MAKE) --no-print-directory --always-make --dry-run \
	    -f $(OBJS)/Makefile -C $(NGINX_SRC) $(CROSS_CC) modules \
	    | $(PYTHON) tools/compile_commands.py $(NGINX_SRC) \
	      compile_commands.json

ci:               ## what must pass before a change goes in
	@.ci/run

clean:            ## remove build/
	rm -rf $(TOP)

clean-run:        ## remove run/: what "make run" and "make broker" keep
	rm -rf run

help:             ## this list
	@sed -n 's/^\([a-z0-9_-]*\):.*## \(.*\)/make \1	\2/p' $(MAKEFILE_LIST) \
	    | expand -t 24
