#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the container. It installs Python and the course for run_autograder.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
cd /autograder/source

apt-get update
apt-get install --yes --no-install-recommends libseccomp2
python=""
for version in 3.12 3.13 3.11; do  # Ubuntu 24.04 has the first, Ubuntu 22.04 the last
    if apt-get install --yes --no-install-recommends "python$version" "python$version-venv"; then
        python="/usr/bin/python$version"
        break
    fi
done
if [ -z "$python" ]; then
    echo "This image has no Python 3.11 or newer: choose Ubuntu 22.04 or 24.04 in the autograder's settings." >&2
    exit 1
fi

"$python" -m venv /opt/lecture
# The wheels for machines without a GPU are much smaller; where they cannot be had, pip takes the others.
/opt/lecture/bin/pip install --no-cache-dir --constraint constraints.txt \
    --extra-index-url https://download.pytorch.org/whl/cpu "./course[grade,app]"
rm -rf course
chmod 755 /autograder/source/run_autograder
