#!/usr/bin/env bash
# Runs the tests marked `browser` in headless Chromium; installs it first where that is possible.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v chromium >/dev/null && ! command -v google-chrome >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq </dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium </dev/null
  else
    echo "test-browser: no Chromium on the PATH. Install it (Debian: sudo apt-get install chromium)," \
      "or the tests below are skipped with that reason." >&2
  fi
fi
exec .venv/bin/pytest -m browser tests/browser "$@"
