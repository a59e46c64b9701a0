#!/usr/bin/env bash
# Makes a certificate for the proxy of docker-compose.proxy.yml, signed by itself: for trying it on this machine. Overwrites nothing.
#
#   scripts/make-certificate.sh [folder] [host name]     default: tls localhost
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-tls} name=${2:-localhost}
if [ -e "$folder/key.pem" ]; then echo "$folder/key.pem is there already" >&2; exit 1; fi
mkdir -p "$folder"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=$name" \
  -addext "subjectAltName=DNS:$name,IP:127.0.0.1" -keyout "$folder/key.pem" -out "$folder/cert.pem" 2>/dev/null
# The proxy reads it as the user of its image.
chmod 644 "$folder/cert.pem" "$folder/key.pem"
echo "made $folder/cert.pem for $name"
