# What a newcomer types: `make demo` (all set-up, then the main job), `make test` (all set-up, then every test).
# Everything needed is installed here: Debian packages as root (or through sudo), the rest into virtual environments.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
VENV := .venv
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
DEMO_PACKAGES := iproute2 nftables python3 python3-venv
TEST_PACKAGES := $(DEMO_PACKAGES) amazon-ec2-utils busybox-static chromium containerd createrepo-c curl db5.3-util debootstrap \
	dnf cloud-guest-utils docker.io default-jre-headless dpkg-dev fish gnupg groff-base iptables libdpkg-perl libpython3-dev \
	lintian mandoc nodejs passt podman prometheus-node-exporter qemu-user-static rpm rpmlint runc slirp4netns snapd squid systemd \
	systemd-container util-linux wget zsh

# What boots machines of its own, where that can be done: not a part of `make test`.
MACHINES := [ ! -e /dev/kvm ] || { command -v qemu-system-x86_64 && command -v qemu-img; } >/dev/null \
	|| $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends qemu-system-x86 qemu-utils

# The other architecture is emulated wherever that is asked for.
ARM64 := { command -v qemu-system-aarch64 && command -v cpio && command -v unxz \
	  && [ -e /usr/share/qemu-efi-aarch64/QEMU_EFI.fd ]; } >/dev/null \
	|| $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends qemu-system-arm cpio ipxe-qemu \
	  qemu-efi-aarch64 xz-utils

# Debian's nodejs leaves npm to a package of its own, which does not go together with Node's own nodejs that has it.
NPM := command -v npm >/dev/null || $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends npm

.PHONY: demo test truth soak lint declared packages lock audit release bench fuzz clean

demo: $(VENV)/.installed
	$(VENV)/bin/imds-probe demo

test: $(VENV)/.linting .apt-test
	tests/everywhere.sh

# What takes long: a thousand kills, weeks in fast motion, privileges taken away, loss of power, and another architecture. `make test`
# has a short form of some of it: CONTRIBUTING.md says of what, and how much.
SOAK_MINUTES := 90
soak: $(VENV)/.testing $(VENV)/.packaging .apt-test
	$(MACHINES)
	$(ARM64)
	$(VENV)/bin/python tests/arm64_machine.py
	tests/debian_roots.sh scheduled
	tests/install/packages.sh
	selected=soak; $(VENV)/bin/python tests/virtual_machine.py bullseye || selected='soak and not machine'; \
	timeout --signal=INT $(SOAK_MINUTES)m $(VENV)/bin/python -m pytest -m "$$selected" --timeout=$$(($(SOAK_MINUTES) * 60)) --durations=0

# Real clients up to the switch and past it, beside what was said of them: an hour, less where it was broken off.
# TRUTH='--check tests/truth/expected.json' holds it to what is expected; TRUTH_FRESH=1 starts over.
truth: $(VENV)/.testing $(VENV)/.packaging .apt-test
	$(MACHINES)
	command -v squid >/dev/null || $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends squid
	tests/debian_roots.sh
	tests/sdk_zoo.sh
	tests/install/packages.sh
	PYTHONPATH=tests $(VENV)/bin/python -m truth $(TRUTH)

lint: $(VENV)/.linting
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/codespell

# What is shipped beside the program and says what the code declares: configuration file, policies, manual, units.
declared: $(VENV)/.installed
	$(VENV)/bin/python packaging/declared.py

# A deb and an rpm for each architecture in dist/, and their checksums; signed where IMDS_PROBE_SIGNING_KEY names a key file.
# Of the same parts the root of a container image, and dist/distributor for SSM.
packages: $(VENV)/.packaging
	$(VENV)/bin/python packaging/build.py

# A commit, a signed tag and signed packages of VERSION, in a clone of its own until all has passed. Pushes nothing.
# BUILD and TEST are the commands that make and test it.
release: $(VENV)/.packaging $(VENV)/.testing
	$(VENV)/bin/python packaging/release.py $(if $(BUILD),--build '$(BUILD)') $(if $(TEST),--test '$(TEST)') \
	  "$${VERSION:?Give the version of the release: make release VERSION=x.y.z}"

# Which files packages are made from: the newest of Debian and PyPI, by their checksums, in packaging/inputs.lock. To be committed.
lock: $(VENV)/.packaging
	$(VENV)/bin/python packaging/build.py --lock

# Whether a vulnerability is known of what is in there, where its data can be had.
audit: $(VENV)/.packaging
	$(VENV)/bin/python packaging/audit.py

bench: $(VENV)/.testing $(VENV)/.packaging .apt-test
	{ command -v jq && command -v tcpdump; } >/dev/null || $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
	  --no-install-recommends jq tcpdump
	$(VENV)/bin/python -m pip install --quiet --editable '.[bench]'
	tests/sdk_zoo.sh
	tests/install/packages.sh
	tests/bench/host_root.sh
	PYTHONPATH=tests $(VENV)/bin/python tests/bench/bench.py

# Coverage-guided, of every parser of foreign bytes; FUZZ_SECONDS for each.
fuzz: $(VENV)/.testing
	$(VENV)/bin/python -m pip install --quiet --editable '.[fuzz]'
	PYTHONPATH=tests $(VENV)/bin/python -m fuzz.fuzz

$(VENV)/bin/python: | .apt-demo
	"$$(tests/interpreter.sh oldest)" -m venv $(VENV)

$(VENV)/.installed: setup.cfg $(VENV)/bin/python
	$(VENV)/bin/python -m pip install --quiet --editable .
	touch $@

$(VENV)/.testing: setup.cfg $(VENV)/.installed
	$(VENV)/bin/python -m pip install --quiet --editable '.[test]'
	touch $@

$(VENV)/.packaging: setup.cfg $(VENV)/.installed
	$(VENV)/bin/python -m pip install --quiet --editable '.[packages]'
	touch $@

$(VENV)/.linting: setup.cfg $(VENV)/.testing $(VENV)/.packaging
	$(VENV)/bin/python -m pip install --quiet --editable '.[lint,packages,test]'
	touch $@

# Debian packages are installed only where one of them is missing: no root is needed the second time.
.apt-demo .apt-test: Makefile
	packages='$(if $(findstring test,$@),$(TEST_PACKAGES),$(DEMO_PACKAGES))'; \
	if ! dpkg-query -W -f='$${db:Status-Status}\n' $$packages 2>/dev/null | grep -c '^installed$$' \
	    | grep -qx "$$(wc -w <<<"$$packages")"; then \
	  $(SUDO) apt-get update -qq; \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $$packages; \
	fi
	$(if $(findstring test,$@),$(NPM))
	touch $@

clean:
	rm -rf $(VENV) .venv-* .apt-demo .apt-test build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
