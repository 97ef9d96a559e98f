#!/usr/bin/env bash
# What a person does first with an elmify from a wheel, in a folder with nothing in it. $1 is the folder it is in.
set -euo pipefail
bin=$(cd "$1" && pwd)
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
export HOME="$home" PATH="$bin:/usr/local/bin:/usr/bin:/bin"
cd "$home"

elmify --version
elmify init library
cd library
elmify validate
elmify plan --out plan.json
elmify show plan.json --format html > plan.html
grep -q '<article class="change create"' plan.html
elmify apply plan.json
elmify plan | grep -q '^No changes'
elmify init . --ci github
elmify completion bash | grep -q _elmify_completion
echo "the wheel works"
