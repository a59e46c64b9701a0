# One image for every role; the command names it: src/api/main.ts (default) or src/worker/main.ts.
# Plain Dockerfile syntax, so that the classic builder takes it as well as BuildKit.

FROM node:24.21.0-bookworm-slim AS packages
WORKDIR /drover
COPY package.json package-lock.json .npmrc ./
# --ignore-scripts: no package that runs here needs its install script.
RUN npm ci --omit=dev --ignore-scripts --loglevel=error && npm cache clean --force

FROM node:24.21.0-bookworm-slim
WORKDIR /drover
# Every role listens on one port, on all addresses of its container: what is published decides who reaches it. The API still
# refuses to start there without keys unless ALLOW_ANONYMOUS=1.
ENV NODE_ENV=production \
    HOST=0.0.0.0 PORT=3000 WORKER_PORT=3000 \
    NODE_COMPILE_CACHE=/drover/.compile-cache \
    NODE_OPTIONS=--max-semi-space-size=16
EXPOSE 3000
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 CMD ["bash", "scripts/container-health.sh"]
# Node.js itself, no shell and no npm between it and a signal. It is not made to be process 1: run it with an init
# (docker run --init; `init: true` in compose), which reaps what crashed jobs leave behind.
ENTRYPOINT ["node", "--import", "./src/jobs/module-hooks.ts"]
CMD ["src/api/main.ts"]
RUN mkdir .compile-cache && chown node:node .compile-cache
COPY --from=packages /drover/node_modules node_modules
COPY package.json ./
COPY scripts scripts
COPY src src
# As the user that reads it: the cache is kept by user id.
USER node
# Compiled once here instead of by each API, worker, thread and child process; the root file system is read-only later on.
RUN node --import ./src/jobs/module-hooks.ts scripts/warm-compile-cache.ts
