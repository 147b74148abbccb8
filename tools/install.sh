#!/bin/sh
# Installs the packages that package-lock.json pins. Called by ./tidemark with the root of the clone; may be run again.
set -eu
root=$1
say() { echo "tidemark: $*"; }
command -v npm >/dev/null 2>&1 || { say "npm is missing. Install Node 20 or newer with npm (Debian: apt-get install nodejs npm), then run this again."; exit 1; }
major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
[ "$major" -ge 20 ] || { say "Node 20 or newer is needed to install; found $(node --version 2>/dev/null || echo none)."; exit 1; }
# A user without a home (service accounts) cannot use npm's default cache.
if [ -z "${npm_config_cache:-}" ] && { [ -z "${HOME:-}" ] || [ ! -w "${HOME:-/nonexistent}" ]; }; then
  npm_config_cache="$root/.local/npm-cache"; export npm_config_cache
fi
say "installing the packages of package-lock.json (once per version)…"
log="$root/.local/install.log"; mkdir -p "$root/.local"
if ! (cd "$root" && npm ci --no-audit --no-fund --loglevel=error >"$log" 2>&1); then
  tail -n 20 "$log"; say "npm ci failed; the whole output is in $log."; exit 1
fi
cp "$root/package-lock.json" "$root/node_modules/.tidemark-lock"
