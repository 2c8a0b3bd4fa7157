# `just` is what "done" means. Every recipe is a step of `.ci/run`, which CI runs as a whole.

# fmt, clippy, tests
default: fmt clippy test

# Formats everything.
fmt:
    cargo fmt
    cargo fmt --manifest-path compare/Cargo.toml
    cargo fmt --manifest-path fuzz/Cargo.toml
    cargo fmt --manifest-path hosts/Cargo.toml

clippy:
    .ci/run clippy

test:
    .ci/run tests

doc:
    .ci/run doc

# Models of the protocols; `just loom lock` runs one noun's.
loom name="":
    RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test --profile loom --lib {{name}}

# A SIGKILL before every shared write; `just crash lock` runs one noun's.
crash name="":
    RUSTFLAGS="--cfg crash_points" CARGO_TARGET_DIR=target/crash cargo test --release --test crash {{name}}

storm:
    .ci/run storm

# Processes and pools in every kind of program; `just matrix musl` tries the ways of that name.
matrix *ways:
    .ci/matrix {{ways}}

wordcount *args:
    cargo run --release --example wordcount -- {{args}}

pool_map *args:
    cargo run --release --example pool_map -- {{args}}

survive *args:
    cargo run --release --example survive -- {{args}}

logger *args:
    cargo run --release --example logger -- {{args}}

chat room name:
    cargo run --release --example chat -- {{room}} {{name}}

# `just fuzz` runs every target for 20 s, `just fuzz lock_ops 600` one for longer.
fuzz target="" seconds="20":
    {{ if target == "" { "FUZZ_SECONDS=" + seconds + " .ci/run fuzz" } else { "cargo +nightly fuzz run " + target + " -- -timeout=10 -max_total_time=" + seconds } }}

bench *args:
    cargo bench {{args}}

# Peers beside us; `just compare lock` measures one noun, `just compare --write` is for the record.
compare *args:
    cargo run --release --manifest-path compare/Cargo.toml -- {{args}}

# What a release needs.
release:
    .ci/run package features oldest targets deny

deny:
    .ci/run deny

# The library's tests for aarch64, emulated; as root. `just aarch64 lock::` runs one noun's.
aarch64 *words:
    .ci/aarch64 {{words}}

# What changed for users since a revision; `just semver` alone: since the last published version.
semver rev="":
    #!/usr/bin/env bash
    set -euo pipefail
    if [[ -n "{{rev}}" ]]; then
        cargo semver-checks --all-features --baseline-rev "{{rev}}"
    elif [[ $(cargo info --registry crates-io outlive 2>&1) == *"could not find"* ]]; then
        echo "not here: a published version; name a revision to compare with: just semver REV"
    else
        cargo semver-checks --all-features
    fi

# Everything that CI runs.
all:
    .ci/run
