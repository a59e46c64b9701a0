#!/usr/bin/env bash
set -euo pipefail
# One line of JSON on stdin is the input. In JSON a line end within a text is \n.
read -r input
echo "counting for job $DROVER_JOB_ID" >&2
if [[ $input == *binary* ]]; then
  echo "this text is binary" >&2
  exit 65 # never retry
fi
breaks=$(grep -o '\\n' <<<"$input" | wc -l || true)
echo "{\"lines\": $((breaks + 1))}"
