#!/bin/sh
# Leaves the runtime packs for the architectures in $PACKS as archives in /packs: compiled here, of
# the sources in /sources, unless one was given.
set -eu
export NATIVE_BOOTSTRAP_CACHE=/cache NATIVE_BOOTSTRAP_SOURCES=/sources NATIVE_BOOTSTRAP_OFFLINE=1
mkdir -p /packs
for archive in /given/*.tar.xz; do
    [ -f "$archive" ] && cp "$archive" /packs/
done
export NATIVE_BOOTSTRAP_PACKS=/packs
for arch in $PACKS; do
    pack=$(/opt/native-bootstrap/bin/build-native pack path --arch "$arch")
    archive=/packs/${pack##*/}.tar.xz
    [ -f "$archive" ] || /opt/native-bootstrap/bin/build-native pack export "$archive" --arch "$arch"
done
rm -rf /cache
