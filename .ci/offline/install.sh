#!/usr/bin/env bash
# Installs Kravkoll from this folder, without network: install.sh PLACE.
# Needs Python 3.13 or newer with venv: the first of $PYTHON, python3, python3.14, python3.13 that is.
set -euo pipefail
place=${1:?"where to? install.sh PLACE"}
case $place in /*) ;; *) place=$PWD/$place ;; esac
cd "$(dirname "$0")"
sha256sum --quiet --check SHA256SUMS
python=""
for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13; do
  if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 13))' 2>/dev/null; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
  echo "Kravkoll needs Python 3.13 or newer; python3 here is $(python3 --version 2>&1). Name another one: PYTHON=/path/to/python3.13 install.sh PLACE" >&2
  exit 1
fi
"$python" -m venv "$place"
pip() { "$place/bin/python" -m pip install --quiet --disable-pip-version-check --no-index --find-links wheels "$@"; }
pip --require-hashes -r requirements.runtime.lock
pip --no-deps wheels/kravkoll-*.whl
echo "Installed. Start with: $place/bin/kravkoll demo"
