# Every command installs what the machine lacks, or says in one line what to install.
.PHONY: run test lint fmt bench

run:  ## wheelyard on this machine, at http://127.0.0.1:3141 (ARGS: further flags of `wheelyard dev`)
	@scripts/run.sh $(ARGS)

test: ## lints and all tests (ARGS: what to run, as for cargo test)
	@scripts/test.sh $(ARGS)

lint: ## formatting and clippy, warnings denied
	@scripts/lint.sh

bench: ## what it does in a second, as ratios (ARGS: --peers, --only pages, --seconds 2)
	@scripts/bench.sh $(ARGS)

fmt:
	cargo fmt
