#!/bin/sh
# Build the wheel, install it alone into an empty environment elsewhere, run the three commands.
# Shows what a checkout hides: a missing run-time dependency, a file left out of the wheel.
# Usage: sh tools/check_wheel.sh PYTHON
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
python=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$python" -m build --wheel --outdir "$folder" "$root" >"$folder/build.log" 2>&1 ||
    { cat "$folder/build.log"; exit 1; }
"$python" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$folder"/*.whl

cd "$folder"
PATH=$folder/venv/bin:$PATH
catclf --version
catclf predict "$root/sample_images/photos"  # with the bundled model
catclf info
catclf demo >demo.txt
grep chelsea.jpg demo.txt
catclf train "$root/sample_images/drawn" --quiet
catclf eval --test-set
catclf predict "$root/sample_images/photos"
catclf predict "$root/sample_images/photos" --report page.html 2>said && exit 1  # needs an extra
grep "pip install 'catclf\[report\]'" said
echo "the wheel works alone"
