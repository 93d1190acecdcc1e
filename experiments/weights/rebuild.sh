#!/bin/sh
# Train the weights that ship, and write them: sh experiments/weights/rebuild.sh HDRI_FOLDER [RUN_FOLDER]
# Goes on where it was stopped. Seven to eleven hours of two CPU cores; needs `pip install -e '.[imagenet]'`.
set -eu
hdri=${1:?"name the folder of environments; assets/weights/README.md lists them"}
out=${2:-runs/weights}

stage() {
    name=$1
    shift
    if [ -e "$out/$name/model.safetensors" ]; then
        echo "$out/$name: done"
    elif [ -e "$out/$name/last.safetensors" ]; then
        ftb train --resume --out "$out/$name"
    else
        ftb train --online-render --config experiments/weights/config.toml --hdri "$hdri" --out "$out/$name" "$@"
    fi
}

stage 1 --set stream.seed=21
stage 2 --set stream.seed=51 --steps 1800 --set train.learning_rate=8e-4 --set train.final_fraction=0.8 \
    --set train.warmup_steps=100 --set "train.start_from=$out/1/model.safetensors"
stage 3 --set stream.seed=56 --steps 7000 --set train.learning_rate=7e-4 --set train.warmup_steps=50 \
    --set loss.ball_l1=2.0 --set "train.start_from=$out/2/model.safetensors"
python experiments/weights/ship.py "$out/3/model.safetensors=0.55" "$out/2/model.safetensors=0.45" --out "$out/mean.safetensors"
stage 4 --set stream.seed=58 --steps 7000 --set train.learning_rate=7e-4 --set train.warmup_steps=50 \
    --set loss.ball_l1=2.0 --set loss.parity=0.35 --set "train.start_from=$out/mean.safetensors"
python experiments/weights/ship.py "$out/4/model.safetensors=0.3" "$out/3/model.safetensors=0.3" \
    "$out/2/model.safetensors=0.4" --out "$out/second_mean.safetensors"
stage 5 --set stream.seed=61 --steps 7000 --set train.learning_rate=7e-4 --set train.warmup_steps=50 \
    --set loss.ball_l1=2.0 --set loss.parity=0.35 \
    --set "stream.scene.scatter_mm=[0.5,4.0]" --set "stream.scene.capture.blur=[0.2,2.0]" \
    --set "train.start_from=$out/second_mean.safetensors"
python experiments/weights/ship.py "$out/5/model.safetensors=0.6" "$out/second_mean.safetensors=0.4" \
    --out "$out/third_mean.safetensors"
python experiments/weights/calibrate.py "$out/third_mean.safetensors" --hdri "$hdri" --out "$out/final.safetensors"
python experiments/weights/ship.py "$out/final.safetensors"
