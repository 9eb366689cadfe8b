#!/bin/sh
# Runs every notebook on fresh results of the release binary, as `make test` does at its end.
#
# The Python environment is made once, in target/, and anew when requirements.txt changes. Where
# that cannot be done nothing is run, which is said; a notebook that fails is a failure.
set -eu
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
tideover=${TIDEOVER:-$target/release/tideover}
env=$target/notebook-python
results=$target/notebook-results
log=$target/notebook-python.log
mkdir -p "$target"

skip() {
    echo "make: NOT RUN: the notebooks in notebooks/, $1" >&2
    exit 0
}

if ! cmp -s notebooks/requirements.txt "$env/requirements.txt"; then
    command -v python3 >/dev/null || skip "for there is no python3"
    rm -rf "$env"
    python3 -m venv "$env" >"$log" 2>&1 ||
        skip "for python3 makes no environment (Debian: apt install python3-venv); see $log"
    "$env/bin/pip" install --quiet --disable-pip-version-check \
        -r notebooks/requirements.txt >>"$log" 2>&1 ||
        skip "for pip cannot install notebooks/requirements.txt; see $log"
    cp notebooks/requirements.txt "$env/"
fi

scenario=scenarios/region-loss-warm.yaml
rm -rf "$results"
"$tideover" mc "$scenario" --trials 1000 --quiet --out "$results/region-loss-warm-mc" >/dev/null
"$tideover" size "$scenario" --quiet --out "$results/region-loss-warm-size" >/dev/null
results=$(cd "$results" && pwd)
for notebook in notebooks/*.py; do
    echo "$notebook"
    RESULTS=$results "$env/bin/python" "$notebook"
done
