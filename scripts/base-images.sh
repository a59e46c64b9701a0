#!/usr/bin/env bash
# Provides the base images of Dockerfile and docker-compose.yml: pulls them by digest, and if no image registry is reachable, builds
# stand-ins from Debian's packages and the Node.js of this checkout. A stand-in has the name without the digest, and the label
# drover.stand-in. It is for tests on this machine: it contains the certificates of this machine and must never be pushed.
#
#   scripts/base-images.sh [image...]     default: the images in the two files, NODE_IMAGE, REDIS_IMAGE
#
# Prints one line per image: the name under which it is available. Everything else goes to stderr.
# Stand-ins need root, debootstrap, a Debian mirror (DEBIAN_MIRROR) and an "npm ci" of this checkout.
set -euo pipefail
cd "$(dirname "$0")/.."

release=bookworm
debian=drover-stand-in/debian:$release
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { echo "base images: $*" >&2; }
fail() { say "$*"; exit 1; }
present() { docker image inspect "$1" >/dev/null 2>&1; }

ensure() {
  local image=$1 tag=${1%@*} answer
  if present "$image"; then
    say "$image is available"
  elif answer=$(timeout 300 docker pull --quiet "$image" 2>&1); then
    say "$image pulled"
  elif grep -qiE 'not found|manifest unknown|denied' <<<"$answer"; then
    fail "$image: $answer"
  else
    say "$image cannot be pulled: $answer"
    image=$tag
    present "$tag" || stand_in "$tag"
    say "$tag is used$(docker image inspect --format '{{with index .Config.Labels "drover.stand-in"}} (a stand-in: {{.}}){{end}}' "$tag")"
  fi
  # An engine may have images but not be allowed to run them, for example inside another container.
  docker run --rm --entrypoint true "$image" || fail "$image does not run here"
  echo "$image"
}

stand_in() {
  case $1 in
    debian:"$release"-*-slim) debian_base && docker tag "$debian" "$1" ;;
    node:*-"$release"-slim) stand_in_for_node "$1" ;;
    redis:*-"$release") stand_in_for_redis "$1" ;;
    nginx:*) stand_in_for_nginx "$1" ;;
    *) fail "there is no stand-in for $1" ;;
  esac
}

debian_base() {
  if present "$debian"; then return; fi
  if ! command -v debootstrap >/dev/null; then fail 'a stand-in needs debootstrap (apt-get install debootstrap)'; fi
  say "bootstrapping Debian $release (half a minute)"
  debootstrap --variant=minbase "$release" "$work/root" "$mirror" >"$work/log" 2>&1 || fail "debootstrap: $(tail -5 "$work/log")"
  rm -rf "$work"/root/var/{cache/apt,lib/apt/lists}/* "$work"/root/usr/share/{doc,man,locale}/*
  tar -C "$work/root" -c . | docker import - "$debian" >/dev/null
}

stand_in_for_node() {
  local image=$1 version=${1#node:} context=$work/node runtime=node_modules/node/bin/node
  version=${version%%-*}
  if [ "$("$runtime" --version)" != "v$version" ]; then fail "$runtime is not $version (npm ci)"; fi
  debian_base
  mkdir -p "$context"
  cp "$runtime" "$context/node"
  tar -xzf "$context/$(npm pack --silent --pack-destination "$context" npm@11)" -C "$context"
  cp "$(npm config get cafile | grep '^/' || echo /etc/ssl/certs/ca-certificates.crt)" "$context/ca.crt"
  # No credentials: only the registry and the certificates.
  printf 'registry=%s\ncafile=/usr/local/etc/ca.crt\n' "$(npm config get registry)" >"$context/npmrc"
  cat >"$context/Dockerfile" <<END
FROM $debian
LABEL drover.stand-in="Node.js $version on Debian $release"
RUN groupadd --gid 1000 node && useradd --uid 1000 --gid node --shell /bin/bash --create-home node
COPY node /usr/local/bin/node
COPY package /usr/local/lib/node_modules/npm
COPY ca.crt npmrc /usr/local/etc/
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && chmod +x /usr/local/lib/node_modules/npm/bin/npm-cli.js
CMD ["node"]
END
  docker build --quiet --tag "$image" "$context" >/dev/null
}

stand_in_for_redis() {
  local image=$1 context=$work/redis version
  debian_base
  mkdir -p "$context"
  # User, folder and open port like the official image: compose and Testcontainers rely on them.
  cat >"$context/Dockerfile" <<END
FROM $debian
RUN groupadd --system --gid 999 redis && useradd --system --uid 999 --gid redis redis \\
 && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server \\
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* && mkdir /data && chown redis:redis /data
VOLUME /data
WORKDIR /data
EXPOSE 6379
CMD ["redis-server", "--protected-mode", "no"]
END
  docker build --quiet --tag "$image" "$context" >/dev/null
  version=$(docker run --rm "$image" redis-server --version | sed 's/.* v=\([0-9.]*\) .*/\1/')
  docker build --quiet --tag "$image" --label "drover.stand-in=Redis $version of Debian $release" - <<<"FROM $image" >/dev/null
}

stand_in_for_nginx() {
  local image=$1 context=$work/nginx
  debian_base
  mkdir -p "$context"
  # The user of the official image.
  cat >"$context/Dockerfile" <<END
FROM $debian
LABEL drover.stand-in="nginx of Debian $release"
RUN groupadd --system --gid 101 nginx && useradd --system --uid 101 --gid nginx --home-dir /nonexistent nginx \\
 && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx-light \\
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
CMD ["nginx", "-g", "daemon off;"]
END
  docker build --quiet --tag "$image" "$context" >/dev/null
}

named() {
  echo "${NODE_IMAGE:-$(sed -n 's/^ARG NODE_IMAGE=//p' Dockerfile)}"
  echo "${DEBIAN_IMAGE:-$(sed -n 's/^ARG DEBIAN_IMAGE=//p' Dockerfile)}"
  echo "${REDIS_IMAGE:-$(sed -n 's/.*REDIS_IMAGE:-\(.*\)}.*/\1/p' docker-compose.yml)}"
  echo "${NGINX_IMAGE:-$(sed -n 's/.*NGINX_IMAGE:-\(.*\)}.*/\1/p' docker-compose.proxy.yml)}"
}

if [ $# = 0 ]; then mapfile -t images < <(named); else images=("$@"); fi
for image in "${images[@]}"; do ensure "$image"; done
