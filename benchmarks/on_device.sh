#!/usr/bin/env bash
# All that is worth 25 minutes on an accelerator, in one go.
#
#   OUT=DIR bash benchmarks/on_device.sh
#
# DIR/RESULTS.md gets the tables, DIR/runs the trainings. Run again, trainings go on where they were,
# and tables are added. STRETCH: seconds of each training. SMALL=1: sizes that take minutes on a CPU,
# to try the script. PYTHON: the interpreter.
set -uo pipefail
cd "$(dirname "$0")/.."
: "${OUT:?give OUT=DIR, the folder of what is found}"
python=${PYTHON:-python}
stretch=${STRETCH:-300}
mkdir -p "$OUT"
OUT=$(cd "$OUT" && pwd)
failed=()

if [ -n "${SMALL:-}" ]; then
  network=(--width=8 --depth=2)
  step=("${network[@]}" --side=8 --tasks=1 --rounds=2)
  products=(--rows=8 --chunks=2 --width=8 --squares=16 --rounds=2)
  memory=("${network[@]}" --steps=1 --sides=8 --side=8 --tasks=1)
  fits=("${network[@]}" --sets=3x8 --steps=2 --slots=2 --rounds=2)
  training=(--resolution=16 --width=16 --num_validation=2 --eval_every=20 --checkpoint_every=20)
else
  step=(--part=default,steps --steps=2,8)
  products=(--rows=8192 --chunks=16)
  memory=(--steps=2,8 --sides=178,512)
  fits=()
  training=(--eval_every=500 --checkpoint_every=500)
fi

# A table of a benchmark, within so many seconds.
table() {
  local seconds=$1 name=$2
  shift 2
  timeout "$seconds" "$python" -m "benchmarks.$name" "$@" --record --results="$OUT/RESULTS.md" ||
    failed+=("$name")
}

# A stretch of a training at the paper's settings; 130: interrupted, and kept.
train() {
  timeout --signal=INT "$stretch" "$python" -m experiments.image_regression \
    --flagfile="experiments/flags/image_regression/$1.flags" "${training[@]}" \
    --workdir="$OUT/runs/$1"
  case $? in 0 | 124 | 130) ;; *) failed+=("$1") ;; esac
}

table 300 meta_step "${step[@]}"
train sdf
train text
table 60 hours "$OUT/runs/sdf" "$OUT/runs/text"
table 240 fit_many "${fits[@]}"
table 120 products "${products[@]}"
table 180 memory "${memory[@]}"

if [ ${#failed[@]} -gt 0 ]; then
  echo "not finished: ${failed[*]}" >&2
  exit 1
fi
