#!/usr/bin/env bash
# Builds the image that playground plugins are built on, on this host and without any image registry:
#
#   docker/build-base.sh             a Debian root file system, by mmdebstrap from this host's own apt sources
#   docker/build-base.sh --host      this host's own Python and libraries instead: nothing of Debian is downloaded
#   docker/build-base.sh --force     build it even if it is there
#
#   IMAGE     synapse-playground-base:1   what it is called; SYNAPSE_AGENT_PLAYGROUND_GRADIO_CONTAINER_BASE_IMAGE
#   PACKAGES  gradio                      what it carries already
set -euo pipefail

IMAGE=${IMAGE:-synapse-playground-base:1}
PACKAGES=${PACKAGES:-gradio}
here=$(cd "$(dirname "$0")" && pwd)
mode=debian force=
for option in "$@"; do
  case $option in
    --host) mode=host ;;
    --force) force=1 ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done

say() { printf 'build-base: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# The distribution's own client fits its engine; others need a plug-in to build.
docker=docker
[ ! -x /usr/bin/docker ] || docker=/usr/bin/docker
command -v "$docker" > /dev/null || fail "there is no docker command; on Debian: apt-get install docker.io"
"$docker" version > /dev/null 2>&1 || fail "no container engine answers; start it, or set DOCKER_HOST"

if [ -z "$force" ] && "$docker" image inspect "$IMAGE" > /dev/null 2>&1; then
  say "$IMAGE is there already"
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
raw=${IMAGE%%:*}-root:$mode

debian_root() {
  command -v mmdebstrap > /dev/null || fail "mmdebstrap is missing: apt-get install mmdebstrap, or use --host"
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) main' 'Created-By: Packages' 'Origin: Debian' \
    | sort -u > "$work/sources.list"
  [ -s "$work/sources.list" ] || fail "apt knows no Debian sources here: apt-get update, or use --host"
  # The sources may be addresses of this host's network: they do not belong into an image.
  mmdebstrap --quiet --variant=apt --include=python3,python3-venv,ca-certificates \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --customize-hook='rm -f "$1"/etc/apt/sources.list "$1"/etc/apt/sources.list.d/*' \
    "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$1" "$work/sources.list"
}

if [ -n "$force" ] || ! "$docker" image inspect "$raw" > /dev/null 2>&1; then
  say "making a root file system ($mode)"
  if [ "$mode" = host ]; then python3 "$here/host_root.py" "$work/root.tar"; else debian_root "$work/root.tar"; fi
  "$docker" import "$work/root.tar" "$raw" > /dev/null
  rm "$work/root.tar"
fi

cp -L "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" "$work/ca.crt"
: > "$work/pip.conf"
index=${PIP_INDEX_URL:-$(python3 -m pip config get global.index-url 2> /dev/null || true)}
[ -z "$index" ] || printf '[global]\nindex-url = %s\n' "$index" > "$work/pip.conf"

say "installing $PACKAGES"
mkdir "$work/context"
mv "$work/ca.crt" "$work/context/"
DOCKER_BUILDKIT=1 "$docker" build --quiet --file "$here/base.Dockerfile" --tag "$IMAGE" \
  --build-arg ROOT_FILE_SYSTEM="$raw" --build-arg PACKAGES="$PACKAGES" --secret id=pip,src="$work/pip.conf" \
  "$work/context" > /dev/null
say "built $IMAGE: $(($("$docker" image inspect -f '{{.Size}}' "$IMAGE") / 1000000)) MB"
