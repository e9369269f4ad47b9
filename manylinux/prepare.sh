#!/bin/sh
# What a build needs of the system, installed as far as it is missing: Python >= 3.10 with venv,
# make, perl, tclsh, tar, xz and certificates. Leaves `python3-build`, the newest Python there is.
set -eu

newest() {
    for python in /opt/python/cp313-cp313/bin/python /opt/python/cp312-cp312/bin/python \
        python3.14 python3.13 python3.12 python3.11 python3.10 python3; do
        if command -v "$python" >/dev/null 2>&1 \
            && "$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
        then
            command -v "$python"
            return
        fi
    done
}

missing=""
for tool in make perl tclsh tar xz; do
    command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
[ -n "$(newest)" ] || missing="$missing python3"

if [ -n "$missing" ]; then
    echo "missing in the base image:$missing"
    if command -v apt-get >/dev/null 2>&1; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            python3 python3-venv ca-certificates make perl tcl tar xz-utils >/dev/null
        rm -rf /var/lib/apt/lists/*
    elif command -v dnf >/dev/null 2>&1; then
        python="python3.13 python3.13-pip"
        [ -z "$(newest)" ] || python=""
        # shellcheck disable=SC2086
        dnf install -y -q $python ca-certificates make perl tcl tar xz
        dnf clean all -q
    else
        echo "no apt-get and no dnf: install$missing into the base image" >&2
        exit 1
    fi
fi

python=$(newest)
[ -n "$python" ] || { echo "the base image has no Python >= 3.10 with venv" >&2; exit 1; }
printf '#!/bin/sh\nexec "%s" "$@"\n' "$python" >/usr/local/bin/python3-build
chmod 755 /usr/local/bin/python3-build
