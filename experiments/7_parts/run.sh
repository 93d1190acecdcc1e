exec sh "$(dirname "$0")/../study.sh" experiments/7_parts "$@"
