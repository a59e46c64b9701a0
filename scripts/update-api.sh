#!/usr/bin/env bash
# Replaces the containers of the API behind docker-compose.proxy.yml without a refused request: starts as many new ones, from the current
# image and settings, waits until they are ready, and stops the old ones, which drain. Workers: `docker compose up -d worker-io worker-cpu`.
#
#   COMPOSE_FILE=… scripts/update-api.sh
set -euo pipefail
cd "$(dirname "$0")/.."
if docker compose version >/dev/null 2>&1; then compose=(docker compose); else compose=(docker-compose); fi
mapfile -t old < <("${compose[@]}" ps -q api)
count=${#old[@]}
if [ "$count" = 0 ]; then echo 'no container of the API runs' >&2; exit 1; fi

"${compose[@]}" up --detach --no-deps --no-recreate --scale "api=$((2 * count))" api
for id in $("${compose[@]}" ps -q api); do
  until [ "$(docker inspect --format '{{.State.Health.Status}}' "$id")" = healthy ]; do
    if [ "$((waited = ${waited:-0} + 1))" -gt 240 ]; then echo "$id is not healthy: the old containers go on" >&2; exit 1; fi
    sleep 0.5
  done
done
# One after the other, so that clients never lose more than one at a time.
for id in "${old[@]}"; do
  docker stop --time "${API_STOP_SECONDS:-15}" "$id" >/dev/null
  docker rm "$id" >/dev/null
done
echo "replaced $count"
