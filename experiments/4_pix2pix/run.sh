exec sh "$(dirname "$0")/../study.sh" experiments/4_pix2pix "$@"
