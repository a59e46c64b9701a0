#!/usr/bin/env bash
# The health check of the image, for every role: /readyz of the process in this container answers 200. Only bash: a Node.js
# process per check would need 50 MB and a tenth of a second of CPU time.

for port in "$PORT" "$WORKER_PORT"; do
  { exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || continue
  printf 'GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
  read -r _ status _ <&3
  echo "port $port: $status"
  if [ "$status" = 200 ]; then exit 0; fi
done
exit 1
