# Aliases only: each recipe is one line that also works without just.

# These recipes
default:
    @just --list

# Everything on this machine, then an investor's story with every claim checked
demo:
    cargo run -- demo

# Everything on this machine until Ctrl-C
dev:
    cargo run -- dev

# Every test, on real servers
test:
    cargo test

# The tests whose names contain this text
test-one filter:
    cargo test -p it -- {{filter}}

# Does it compile?
check:
    cargo check --workspace --all-targets

# Format and lints, as strict as the CI
lint:
    cargo fmt --check && cargo clippy --workspace --all-targets -- -D warnings

# Write the documents that follow from the registry
gen:
    cargo run -- gen

# Rates and latencies, beside this machine's own limits
bench *arguments:
    cargo run --release -p bench -- {{arguments}}

# Licences, sources and banned packages (`.ci/run` installs cargo-deny into target/ci-tools)
deny:
    PATH="$PWD/target/ci-tools/bin:$PATH" cargo deny check bans licenses sources

# What the CI runs
ci:
    .ci/run
