#!/usr/bin/env bash
# Train three strategies with some seeds each, evaluate them on the real benchmarks and compare.
# Usage, from the project's root, with the data folder linked as ./data:  studies/first-comparison/run.sh [SEEDS]
# Two runs go side by side, one thread each. What is there already is not done again.
set -euo pipefail
seeds=${1:-"1 2 3"}
out=runs/first-comparison
isogloss=${ISOGLOSS:-.venv/bin/isogloss}
export OMP_NUM_THREADS=1

[ -d "$out/bitext" ] || .venv/bin/python studies/first-comparison/prepare.py data "$out/bitext"
[ -d "$out/start" ] || $isogloss pretrain studies/first-comparison/pretrain.toml --out "$out/start"

run() {
  local seed=$1 strategy=$2 dir=$out/$2-seed$1
  if [ ! -d "$dir/model" ]; then
    $isogloss train studies/first-comparison/train.toml --out "$dir" --resume \
      --set seed="$seed" --set batches.strategy="$strategy"
  fi
  evaluate "$dir"
}

evaluate() {
  local model=$1 results=$1/results
  [ "$model" = "$out/start" ] && results=$out/start-results
  evaluate_one "$model" "$results/xquad-r-not-articles" xquad-r --not-articles data/train/squad-mt
  evaluate_one "$model" "$results/xquad-r" xquad-r
  evaluate_one "$model" "$results/mlqa-r" mlqa-r
}

evaluate_one() {
  local model=$1 folder=$2 benchmark=$3
  shift 3
  [ -f "$folder/results.json" ] || $isogloss evaluate "$model" --benchmark "$benchmark" \
    --data data/benchmarks --out "$folder" --quiet "$@" >/dev/null
}

export -f run evaluate evaluate_one
export out isogloss
{
  for seed in $seeds; do for strategy in x-x-mono x-y hybrid; do echo "run $seed $strategy"; done; done
  echo "evaluate $out/start"
} | xargs -P 2 -I{} bash -euo pipefail -c '{}'

for benchmark in xquad-r-not-articles xquad-r mlqa-r; do
  $isogloss compare "$out"/*-seed* --baseline hybrid --benchmark $benchmark --per-language --format markdown \
    --beside "$out/start-results/$benchmark" --out "$out/$benchmark.md"
done
