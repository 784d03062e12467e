#!/bin/sh
# The main job on sample_images/: train, eval, predict. Usage: sh tools/demo.sh CATCLF
set -eu
catclf=$1
samples=$(dirname "$0")/../sample_images
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
model=$folder/model.npz

run() {
    echo
    echo "\$ catclf $*"
    "$catclf" "$@"
}

run train "$samples/drawn" -o "$model"
run eval --test-set -m "$model"
run predict "$samples/drawn/test/cat/000.png" "$samples/photos" -m "$model"
echo
echo "The drawings are drawings: a model trained on them knows nothing about photos."
echo "With photos of your own in data/cat and data/dog: $catclf train data/"
