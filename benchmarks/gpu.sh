#!/bin/sh
# Checks, measures and uses one GPU with torch and no network, in eight minutes: benchmarks/gpu.sh [options of gpu.py]
# What it makes is in $OUT, or in build/gpu: report.json, english.safetensors (int8), weights.safetensors (float16).
# To go on from there in another run: benchmarks/gpu.sh --weights weights.safetensors
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
ln -s "$PWD" "$work/afterglow" # the package is this folder
export PYTHONPATH="$work${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 AFTERGLOW_HOME="${AFTERGLOW_HOME:-$work/home}"
python3 -m benchmarks.gpu --out "${OUT:-build/gpu}" "$@"
