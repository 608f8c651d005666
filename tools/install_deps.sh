#!/bin/sh
# install_deps.sh build|test|dev|cluster: installs the distribution's packages that are missing, if any.
#   build    what the programs and the demo need
#   test     ... and the tests
#   dev      ... and lint, coverage, fuzzing and benchmarks
#   cluster  what the tests on a Kubernetes node of their own need, besides Go
# On a system whose package names are not known here it says what is needed and goes on.
# SKIP_DEPS=1 turns it off, for tools that do not come from packages.
set -eu

level=${1:-}
case $level in
  build | test | dev | cluster) ;;
  *) echo "usage: $0 build|test|dev|cluster" >&2; exit 2 ;;
esac
[ "${SKIP_DEPS:-}" != 1 ] || exit 0

needs_by_upstream_name() {
  cat <<END
drainbow: $1 is not a system whose packages are known here. Needed:
  to build   a C++20 compiler (g++ 12, clang 19 or newer), CMake 3.25, Ninja, pkg-config, git;
             Boost 1.81 (with JSON), OpenSSL 3, libmnl, libnl-route 3, prometheus-cpp 1.0, spdlog,
             Python 3 for the demo
  to test    clang++-19 and its compiler-rt, GoogleTest and GoogleMock, RapidCheck, pytest,
             pytest-xdist, iproute2, procps, util-linux, ccache (optional)
  for work   clang-tidy-19, clang-format-19, gcovr, wrk
  cluster    Go 1.26, buildah, containerd and runc, CNI plugins, debootstrap, gcc, iptables, nftables,
             iproute2, openssl, procps, pytest, pytest-xdist
END
}

id=unknown version=
if [ -r /etc/os-release ]; then
  id=$(. /etc/os-release && echo "${ID:-unknown}")
  version=$(. /etc/os-release && echo "${VERSION_ID:-}")
fi
case $id-$version in
  debian-12) boost=1.81 ;;  # its default, 1.74, has no Boost.JSON
  debian-13 | ubuntu-24.04) boost=1.83 ;;
  *)
    # Said once, not at every make.
    noted=build/.dependencies-noted
    [ -e "$noted" ] || needs_by_upstream_name "$id${version:+ $version}"
    mkdir -p build && : > "$noted"
    exit 0
    ;;
esac

packages="g++ cmake ninja-build pkg-config git python3
  libboost$boost-dev libboost-json$boost-dev
  libssl-dev libmnl-dev libnl-3-dev libnl-route-3-dev prometheus-cpp-dev libspdlog-dev"
tests="python3-pytest python3-pytest-xdist iproute2 procps util-linux"
case $level in
  build) ;;
  cluster) packages="git make python3 $tests
  buildah containerd containernetworking-plugins debootstrap gcc iptables libc6-dev nftables openssl runc" ;;
  *) packages="$packages
  ccache clang-19 libclang-rt-19-dev llvm-19 libgtest-dev libgmock-dev librapidcheck-dev $tests" ;;
esac
[ "$level" != dev ] || packages="$packages clang-tidy-19 clang-format-19 gcovr wrk"

# shellcheck disable=SC2086 # a list of words
installed=$(dpkg-query --show --showformat '${db:Status-Status} ${Package}\n' $packages 2> /dev/null) ||
  true  # it fails when it does not know one of them
missing=
for package in $packages; do
  case "
$installed
" in
    *"
installed $package
"*) ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo > /dev/null; then
    echo "drainbow: packages are missing. As root:" >&2
    echo "  apt-get update && apt-get install -y --no-install-recommends$missing" >&2
    echo "(SKIP_DEPS=1 goes on without them.)" >&2
    exit 1
  fi
  as_root=sudo
fi

apt_get() {
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@" < /dev/null
}
install_missing() {
  # shellcheck disable=SC2086 # a list of words
  apt_get install -y --no-install-recommends "$@" $missing > /dev/null
}

echo "drainbow: installing$missing"
# The package lists may be absent or too old: a trial run tells the first, a failed download the second.
if install_missing --dry-run 2> /dev/null && install_missing; then exit 0; fi
apt_get update -qq
install_missing
