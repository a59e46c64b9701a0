# Sourced by .ci/run: a Docker engine for the tests that need one. An engine that answers is used unchanged. If none answers, root
# installs Debian's and starts it with its own socket and data, until stop_engine.

engine_pid=
engine_dir=

# Returns 1 if no engine is available, with the reason in no_engine.
start_engine() {
  if ! docker version >/dev/null 2>&1; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
      no_engine='no Docker engine answers, and installing one takes root and apt-get'
      return 1
    fi
    install_engine || return 1
    # The package may have started an engine.
    docker version >/dev/null 2>&1 || run_engine || return 1
  fi
  if ! docker compose version >/dev/null 2>&1 && ! docker-compose version >/dev/null 2>&1; then
    no_engine='there is no docker compose'
    return 1
  fi
  docker version --format 'Docker engine {{.Server.Version}}'
}

install_engine() {
  local missing=()
  command -v dockerd >/dev/null || missing+=(docker.io)
  docker compose version >/dev/null 2>&1 || docker-compose version >/dev/null 2>&1 || missing+=(docker-compose)
  command -v debootstrap >/dev/null || missing+=(debootstrap)
  if [ ${#missing[@]} = 0 ]; then return; fi
  if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive timeout 10m apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >/dev/null; then
    no_engine="apt-get could not install ${missing[*]}"
    return 1
  fi
}

run_engine() {
  engine_dir=$(mktemp -d /var/lib/drover-ci-docker.XXXXXX)
  export DOCKER_HOST=unix://$engine_dir/docker.sock
  # Inside a container Testcontainers would look for the ports of the engine on another host.
  export TESTCONTAINERS_HOST_OVERRIDE=localhost
  dockerd --host "$DOCKER_HOST" --data-root "$engine_dir/data" --exec-root "$engine_dir/run" --pidfile "$engine_dir/pid" \
    >"$engine_dir/log" 2>&1 &
  engine_pid=$!
  for _ in $(seq 120); do
    if docker version >/dev/null 2>&1; then return; fi
    if ! kill -0 "$engine_pid" 2>/dev/null; then break; fi
    sleep 0.5
  done
  no_engine="dockerd failed to start: $(tail -3 "$engine_dir/log")"
  stop_engine
  return 1
}

# Stops the engine that start_engine started, if any, and removes its data.
stop_engine() {
  if [ -n "$engine_pid" ]; then
    kill "$engine_pid" 2>/dev/null || true
    timeout 60 tail --pid="$engine_pid" -f /dev/null || kill -KILL "$engine_pid"
    wait "$engine_pid" 2>/dev/null || true
    engine_pid=
    unset DOCKER_HOST
  fi
  if [ -n "$engine_dir" ]; then rm -rf "$engine_dir" || true; fi
  engine_dir=
}
