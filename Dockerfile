# One image for every role, and for the command line: api (default), worker, keys, check.
# Plain Dockerfile syntax, so that the classic builder and BuildKit both accept it.

# By digest, so that every build has the same bases. CONTRIBUTING.md says how to update them.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6
ARG DEBIAN_IMAGE=debian:bookworm-20260918-slim@sha256:3783cc01769c7b2b1b83a5c5ad96c815348e28ed7da68e2e3687004faa906251

FROM ${NODE_IMAGE} AS packages
WORKDIR /drover
COPY package.json package-lock.json .npmrc ./
# --ignore-scripts: no package in this image needs its install script.
# Types, source maps and texts of packages, which no process reads: a quarter of the folder. Of what browsers load, the files that the
# dashboard serves. And tests, documents and second forms of modules that packages bring along.
RUN npm ci --omit=dev --ignore-scripts --loglevel=error && npm cache clean --force \
 && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -iname 'readme*.md' -o -iname 'changelog*' -o -iname 'history.md' \) -delete \
 && find node_modules/@picocss node_modules/uplot node_modules/preact node_modules/htm -type f ! -name package.json ! -name pico.min.css \
   ! -name 'uPlot.iife.min.js' ! -name uPlot.min.css ! -name '*.mjs' -delete \
 && rm -rf node_modules/zod/src node_modules/bintrees/test node_modules/fastify/test node_modules/fastify/docs \
 && find node_modules/@opentelemetry -name '*.cjs' ! -path '*/@opentelemetry/api/*' -delete && find node_modules -type d -empty -delete

# Debian with Node.js alone: the image of Node.js has npm and yarn besides, which nothing here runs.
FROM ${DEBIAN_IMAGE}
RUN groupadd --gid 1000 node && useradd --uid 1000 --gid node --shell /bin/bash --create-home node
COPY --from=packages /usr/local/bin/node /usr/local/bin/node
WORKDIR /drover
# Every role listens on one port, on all addresses of its container. The published ports decide which clients reach it. The API
# still refuses to start without keys unless ALLOW_ANONYMOUS=1. `docker stop` kills after 10 s: a stopping API takes at most 9.5 s, a
# worker 9 s.
ENV NODE_ENV=production \
    HOST=0.0.0.0 PORT=3000 WORKER_HOST=0.0.0.0 WORKER_PORT=3000 \
    NODE_COMPILE_CACHE=/drover/.compile-cache \
    DRAIN_DELAY_MS=5000 SHUTDOWN_GRACE_MS=7000 \
    NODE_OPTIONS=--max-semi-space-size=16
EXPOSE 3000
ARG VERSION=0.0.0-dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Drover" \
      org.opencontainers.image.description="Background jobs over HTTP" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 CMD ["bash", "scripts/container-health.sh"]
# A shell script that replaces itself by Node.js, so that signals reach it. It is not meant to be process 1: run it with an init
# (docker run --init; `init: true` in compose), which reaps the processes that crashed jobs leave behind.
ENTRYPOINT ["/drover/bin/drover"]
CMD ["api"]
# keys: where `drover keys --file keys/…` writes, with a folder of the host mounted there.
RUN mkdir .compile-cache keys && chown node:node .compile-cache keys && ln -s /drover/bin/drover /usr/local/bin/drover
COPY --from=packages /drover/node_modules node_modules
COPY package.json ./
COPY bin bin
COPY scripts scripts
COPY sdk sdk
COPY src src
# Written by the user that reads it: the cache depends on the user id.
USER node
# Compile once here instead of in each API, worker, thread and child process. At run time the root file system is read-only.
RUN node --import ./src/jobs/module-hooks.ts scripts/warm-compile-cache.ts
