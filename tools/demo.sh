#!/bin/sh
# The main job on sample_images/: train, eval, predict. Usage: sh tools/demo.sh CATCLF
set -eu
cd "$(dirname "$0")/.."
catclf=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

run() {
    echo
    echo "\$ catclf $*"
    "$catclf" "$@"
}

run train sample_images/drawn -o "$folder/model.npz"
run eval --test-set -m "$folder/model.npz"
run predict sample_images/drawn/test/cat/000.png sample_images/photos -m "$folder/model.npz"
echo
echo "The drawings are drawings: a model trained on them knows nothing about photos."
echo "With photos of your own in data/cat and data/dog: $catclf train data/"
