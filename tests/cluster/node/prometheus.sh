#!/bin/bash
# Prints where Prometheus is: the one on the PATH, else that of Debian's package, unpacked into the
# cache. Installing the package would start a service.
. "$(dirname "$0")/env.sh"
if command -v prometheus; then exit 0; fi
directory=$CLUSTER_CACHE/prometheus
if [ ! -x "$directory/usr/bin/prometheus" ]; then
  command -v apt-get > /dev/null || die "found no prometheus; install it, to have it on the PATH"
  mkdir -p "$CLUSTER_CACHE"
  work=$(mktemp -d "$CLUSTER_CACHE/prometheus.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cd "$work"
  apt-get -qq download prometheus 2> log || die "apt-get download prometheus: $(cat log)"
  dpkg-deb --extract prometheus_*.deb unpacked
  mv -T unpacked "$directory" 2> log || [ -x "$directory/usr/bin/prometheus" ] || die "$(cat log)"
fi
echo "$directory/usr/bin/prometheus"
