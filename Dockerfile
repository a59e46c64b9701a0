# One image for every role. The command selects it: src/api/main.ts (default) or src/worker/main.ts.
# Plain Dockerfile syntax, so that the classic builder and BuildKit both accept it.

# By digest, so that every build has the same base. CONTRIBUTING.md says how to update it.
ARG NODE_IMAGE=node:24.21.0-bookworm-slim@sha256:0e0ff40c39bc087845bfb27465a0df4ea419520094bc35842ff83dd8cbe6f9b6

FROM ${NODE_IMAGE} AS packages
WORKDIR /drover
COPY package.json package-lock.json .npmrc ./
# --ignore-scripts: no package in this image needs its install script.
RUN npm ci --omit=dev --ignore-scripts --loglevel=error && npm cache clean --force

FROM ${NODE_IMAGE}
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
# Node.js itself, without a shell or npm, so that signals reach it. It is not meant to be process 1: run it with an init
# (docker run --init; `init: true` in compose), which reaps the processes that crashed jobs leave behind.
ENTRYPOINT ["node", "--import", "./src/jobs/module-hooks.ts"]
CMD ["src/api/main.ts"]
RUN mkdir .compile-cache && chown node:node .compile-cache
COPY --from=packages /drover/node_modules node_modules
COPY package.json ./
COPY bin bin
COPY scripts scripts
COPY src src
# Written by the user that reads it: the cache depends on the user id.
USER node
# Compile once here instead of in each API, worker, thread and child process. At run time the root file system is read-only.
RUN node --import ./src/jobs/module-hooks.ts scripts/warm-compile-cache.ts
