#!/usr/bin/env bash
# Starts Docker where no service manager does it, such as on a CI machine, as root:
#
#   docker/start-engine.sh FOLDER           containerd and dockerd; nothing where an engine answers already
#   docker/start-engine.sh FOLDER --stop    stops what was started with this folder, by its process id
#
# FOLDER keeps the process ids and what both print. Needs docker.io, containerd and iptables.
set -euo pipefail

[ $# -ge 1 ] || { sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2; }
folder=$1
mkdir -p "$folder"
socket=/run/containerd/containerd.sock
# The distribution's own client fits its engine.
docker=docker
[ ! -x /usr/bin/docker ] || docker=/usr/bin/docker

say() { printf 'start-engine: %s\n' "$*" >&2; }
answers() { "$docker" version > /dev/null 2>&1; }
containerd_answers() { ctr --connect-timeout 2s --address "$socket" version > /dev/null 2>&1; }
# An id may belong to another program by now.
is_ours() { [ -s "$folder/$1.pid" ] && [ "$(cat "/proc/$(cat "$folder/$1.pid")/comm" 2> /dev/null)" = "$1" ]; }

# Start a program that stays, and wait until it answers: start NAME CHECK ARGUMENT...
start() {
  local name=$1 check=$2 id
  shift 2
  setsid nohup "$name" "$@" > "$folder/$name.log" 2>&1 < /dev/null &
  id=$!
  echo "$id" > "$folder/$name.pid"
  for _ in $(seq 600); do
    ! "$check" || return 0
    kill -0 "$id" 2> /dev/null || break
    sleep 0.2
  done
  say "$name does not answer: $(tail -n 2 "$folder/$name.log")"
  stop "$name"
  return 1
}

stop() {
  local id
  is_ours "$1" || return 0
  id=$(cat "$folder/$1.pid")
  kill "$id"
  for _ in $(seq 600); do
    is_ours "$1" || break
    sleep 0.1
  done
  ! is_ours "$1" || kill -9 "$id"
  rm -f "$folder/$1.pid"
}

if [ "${2:-}" = --stop ]; then
  stop dockerd
  stop containerd
  exit
fi
if answers; then
  say "an engine answers already"
  exit
fi
for program in dockerd containerd iptables; do
  command -v "$program" > /dev/null || { say "$program is missing: apt-get install docker.io containerd iptables"; exit 1; }
done
if ! containerd_answers; then start containerd containerd_answers; fi
engine=(--containerd "$socket" --pidfile "$folder/docker.pid" --log-level warn)
# Where there is no overlay of file systems, images are copied: slower, and they take more room.
start dockerd answers "${engine[@]}" || start dockerd answers "${engine[@]}" --storage-driver vfs
say "Docker answers"
