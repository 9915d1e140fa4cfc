# make chat, make train TEXT=novel.txt NAME=mine [MINUTES=10], make bot: each installs its requirements into .venv, once.
# make test [WORKERS=2]: all checks, with the tests in this many processes. make slow: the slow tests. make soak: the ten-minute memory test. make bench: the benchmarks.
# make mutants [ONLY=filters]: which changes of the code does no test notice?
# make fuzz [CASES=20000] [SEED=any text] [ONLY=passage,archive] [CASE=passage:1.17]: changed files and messages for every reader.
# make sanitize: the kernels' tests with checks of addresses, undefined behavior and races compiled in (gcc; three minutes).
# make pythons: chat and the tests under every CPython found. make lock, make audit, make workflows: requirements/ and .github/.
# make wasm: core/page/kernel/step.wasm of its C source.
# make docs: the pages, into build/site. make pictures: the pictures of the pages. make format: ruff's fixes.

PYTHON ?= python3
WORKERS ?= 2
BIN := .venv/bin
KERNEL := $(wildcard core/inference/*.[ch] core/training/*.c)
INSTALL := $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check
PIP := $(INSTALL) --constraint constraints.txt
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 --constraint constraints.txt \
	--generate-hashes --no-annotate --custom-compile-command "make lock"

.PHONY: chat train bot test slow soak fuzz sanitize mutants bench docs pictures wasm page-tools format lock audit pythons workflows clean

chat: .venv/.play
	@$(BIN)/afterglow
	@echo "Start it again with: $(BIN)/afterglow"

train: .venv/.train
	@test -n "$(TEXT)" && test -n "$(NAME)" || { echo "Give a text and a name for the model: make train TEXT=novel.txt NAME=mine"; exit 2; }
	@$(BIN)/afterglow train "$(TEXT)" --name "$(NAME)" --minutes "$(or $(MINUTES),10)"

bot: .venv/.bot
	@$(BIN)/afterglow bot

test: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile

# The soak measures the memory of its process, so it runs in a process of its own: three minutes here, ten in `make soak`.
slow: .venv/.dev
	$(BIN)/pytest -m slow --ignore tests/test_soak.py
	AFTERGLOW_SOAK_MINUTES=3 $(BIN)/pytest -m slow tests/test_soak.py

soak: .venv/.dev
	AFTERGLOW_SOAK_MINUTES=10 $(BIN)/pytest -m slow tests/test_soak.py

fuzz: .venv/.dev
	$(BIN)/python -m tests.fuzz --cases $(or $(CASES),2000) $(if $(SEED),--seed "$(SEED)") $(if $(ONLY),--only $(ONLY)) $(if $(CASE),--case $(CASE))

mutants: .venv/.dev
	$(BIN)/python -m tests.mutants $(ONLY)

sanitize: .venv/.dev
	$(BIN)/python tests/sanitize.py

bench: .venv/.dev
	$(BIN)/python -m benchmarks

docs: .venv/.dev
	$(BIN)/python docs/reference.py
	$(BIN)/mkdocs build --quiet --strict
	$(BIN)/afterglow export shakespeare --html build/site/demo.html --replace
	@echo "Open build/site/index.html"

# docs/ramp.svg and others. Only one of them: make pictures ONLY=ramp
pictures: .venv/.dev
	$(BIN)/python docs/pictures.py $(ONLY)
	$(if $(ONLY),,$(BIN)/python docs/learning_pictures.py)

# The kernel of the page in a browser, by the clang of the package ziglang. The same source gives the same bytes.
wasm: build/zig/ziglang
	build/zig/ziglang/zig cc -target wasm32-wasi -mcpu=mvp+simd128+bulk_memory+sign_ext+nontrapping_fptoint \
		-mexec-model=reactor -O3 -ffp-contract=off -Wall -Wextra -Wno-unused-function -s -Wl,--no-entry -Wl,--import-memory \
		-Wl,--export=__heap_base -Wl,-z,stack-size=4096 -o core/page/kernel/step.wasm core/page/kernel/step.c

build/zig/ziglang: | .venv/.made
	@$(INSTALL) --target build/zig ziglang==0.17.1

# What tests of the page take from npm, into build/node. Without it they are skipped.
page-tools:
	npm install --prefix build/node --no-save --no-audit --no-fund typescript@7.0.2 axe-core@4.14.1

format: .venv/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Writes every version and hash for the development environment and for the containers into requirements/, for all platforms.
# torch and its libraries for GPUs are left out: the builds for CPUs have other hashes.
lock: .venv/.checkers
	@mkdir -p build
	$(LOCK) --extra dev --output-file build/dev.txt
	$(LOCK) --extra bot --output-file requirements/bot.txt
	$(LOCK) --extra serve --output-file requirements/serve.txt
	awk '/^[a-z]/ {drop = /^(torch|triton|cuda-|nvidia-)/} !drop' build/dev.txt > requirements/dev.txt

# Looks the locked versions up in a database of known vulnerabilities, and fails if it is not reached.
audit: .venv/.checkers
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements/dev.txt
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements/bot.txt
	$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements/serve.txt

# A script for the REPL and the tests under each CPython from 3.11 to 3.14 that is found: a table. Only one: make pythons ONLY=3.13
pythons:
	@.ci/pythons $(ONLY)

# Checks .github/workflows.
workflows: .venv/.checkers
	$(BIN)/zizmor --offline --quiet .github/workflows
	@if command -v actionlint; then actionlint; else echo "actionlint is not installed, so it has not checked them"; fi

clean:
	rm -rf .venv .venvs build dist *.egg-info

# Stamp files: an extra is installed again if pyproject.toml, constraints.txt or a C source is newer than its stamp.
# If no kernel runs here (there is no C compiler, or the processor has no AVX2), ONNX Runtime plays instead.
WITHOUT_KERNEL = $(BIN)/python -c 'from afterglow.core.inference.kernel import KERNEL; exit(not KERNEL)' || $(PIP) --editable '.[onnx]'

.venv/.play: pyproject.toml setup.py constraints.txt $(KERNEL) | .venv/.made
	@echo "Installing afterglow-lm into .venv (once) ..."
	@$(PIP) --editable .
	@$(WITHOUT_KERNEL)
	@touch $@

.venv/.train .venv/.bot: .venv/.%: pyproject.toml setup.py constraints.txt $(KERNEL) | .venv/.made
	@echo "Installing afterglow-lm[$*] into .venv (once) ..."
	@$(PIP) --editable '.[$*]'
	@$(WITHOUT_KERNEL)
	@touch $@

# mypy finds `afterglow.…` only in a folder named afterglow. The link gives it one, whatever the checkout is called.
.venv/.dev: pyproject.toml setup.py constraints.txt requirements/dev.txt $(KERNEL) | .venv/.made
	@echo "Installing afterglow-lm[dev] into .venv (once) ..."
	@$(INSTALL) --require-hashes --requirement requirements/dev.txt
	@$(PIP) torch
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@mkdir -p .venv/src && ln -sfn ../.. .venv/src/afterglow
	@touch .venv/.play .venv/.train .venv/.bot $@

.venv/.checkers: | .venv/.made
	@$(PIP) pip-audit uv zizmor
	@touch $@

.venv/.made:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed. Install it, or give its path: make chat PYTHON=/path/to/python3"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, this is `$(PYTHON) --version`. Choose another: make chat PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing. On Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@$(PYTHON) -m venv .venv
	@touch $@
