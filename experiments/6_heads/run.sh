exec sh "$(dirname "$0")/../study.sh" experiments/6_heads "$@"
