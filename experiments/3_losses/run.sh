exec sh "$(dirname "$0")/../study.sh" experiments/3_losses "$@"
