#!/usr/bin/env bash
# Makes .venv with mercer (editable), pinned by constraints.txt. `make setup` and `make demo` call it.
#   scripts/setup.sh [EXTRA...]     extras of pyproject.toml, e.g. dev
# $PYTHON names the interpreter; without it the first Python >= 3.11 is taken, on the PATH or /usr/bin/python3,
# that was compiled with optimizations, and the first one at all where none was.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=.venv
pythons=${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python /usr/bin/python3}

is_new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# A Python that was compiled without --enable-optimizations (pyenv's default) runs plain Python about 1.4
# times slower than a distribution's own, and a search takes a tenth more CPU.
is_optimised() {
  "$1" -c '
import sys, sysconfig
told = sysconfig.get_config_var("CONFIG_ARGS") or ""
own_build = bool(sysconfig.get_config_var("PGO_PROF_USE_FLAG")) and "gcc" in sys.version.lower()
sys.exit(own_build and "--enable-optimizations" not in told)' 2>/dev/null
}

has_pip() {
  "$1" -m pip --version >/dev/null 2>&1
}

can_make_venv() {
  "$1" -c 'import venv' 2>/dev/null && { "$1" -c 'import ensurepip' 2>/dev/null || has_pip "$1"; }
}

# The best of what there is: compiled with optimizations, or able to make an environment, or at all.
find_python() {
  local name able= any=
  for name in $pythons; do
    if ! is_new_enough "$name"; then continue; fi
    any=${any:-$name}
    if can_make_venv "$name"; then
      able=${able:-$name}
      if is_optimised "$name"; then
        command -v "$name"
        return
      fi
    fi
  done
  if [ -n "$any" ]; then
    command -v "${able:-$any}"
    return
  fi
  echo "setup: Mercer needs Python 3.11 or newer; tried: $pythons." \
    "Install one, or name it: make setup PYTHON=/path/to/python3.12" >&2
  return 1
}

find_pip() {
  local name
  for name in $pythons; do
    if has_pip "$name"; then
      command -v "$name"
      return
    fi
  done
  echo "setup: no Python here has pip, and $venv has none of its own; install one (Debian: apt-get" \
    "install python3-pip) and run make setup again." >&2
  return 1
}

# A virtual environment needs no pip of its own: where Debian's python3-venv is missing (no ensurepip),
# the machine's pip installs into it from outside.
make_venv() {
  local python=$1
  if "$python" -m venv "$venv" >/dev/null 2>&1; then return; fi
  rm -rf "$venv"
  if has_pip "$python" && "$python" -m venv --without-pip "$venv"; then return; fi
  rm -rf "$venv"
  echo "setup: $python can make no virtual environment: it has neither ensurepip nor pip." \
    "Install one of them (Debian: apt-get install python3-venv) and run make setup again." >&2
  return 1
}

# An environment that was moved, or whose interpreter is gone, is made anew.
if ! { [ -x "$venv/bin/python" ] && is_new_enough "$venv/bin/python"; }; then
  rm -rf "$venv"
  python=$(find_python)
  echo "setup: $venv from $("$python" --version) ($python)"
  make_venv "$python"
fi

if ! is_optimised "$venv/bin/python"; then
  echo "setup: this Python was built without optimizations and runs slower than it could;" \
    "a faster one: rm -rf $venv; make setup PYTHON=/usr/bin/python3 (3.11 or newer)," \
    "or with pyenv: PYTHON_CONFIGURE_OPTS=--enable-optimizations pyenv install" >&2
fi

if has_pip "$venv/bin/python"; then
  pip=("$venv/bin/python" -m pip)
else
  pip=("$(find_pip)" -m pip --python "$venv/bin/python")
fi

extras=$(IFS=,; echo "$*")
echo "setup: installing mercer${extras:+[$extras]}, pinned by constraints.txt"
"${pip[@]}" install --quiet --disable-pip-version-check --no-input --no-compile \
  --constraint constraints.txt --editable ".${extras:+[$extras]}"

# Bytecode on all cores, which pip writes on one; here also where the environment forbids to write it as one
# goes. A library may hold files of another Python; what imports them says so.
libraries=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
"$venv/bin/python" -m compileall -qq -j 0 "$libraries" src || true

# The kernels are compiled once, here, so that the first command is not the one that waits for it.
"$venv/bin/python" scripts/warm_kernels.py
