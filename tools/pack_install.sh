#!/bin/sh
# Makes the environment of this folder from wheels/ alone, without a network, and starts what you ask for.
#
#   sh install.sh                        make the environment, once
#   sh install.sh lab                    open the notebooks in JupyterLab
#   sh install.sh run CHAPTER [PROFILE]  run a chapter, such as: run 01; a small version of it: run 01 smoke
#   sh install.sh nearlinear ...         the command line, such as: nearlinear score --help
#
# PYTHON names another Python @MINOR@ than python@MINOR@.
set -eu
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV
here=$(cd "$(dirname "$0")" && pwd)
venv="$here/.venv"
ready="$venv/nearlinear-ready"

fail() {
  echo "install: $1" >&2
  exit 2
}

find_python() {
  for python in "${PYTHON:-python@MINOR@}" python3; do
    "$python" -c 'import sys; sys.exit(not (@OLDEST@) <= sys.version_info[:3] < (@NEXT@))' 2>/dev/null && return
    test -z "${PYTHON:-}" || fail "$PYTHON is not Python @PYTHON@ or a later @MINOR@: set PYTHON to one"
  done
  fail "Python @PYTHON@ or a later @MINOR@ is needed: install it, or set PYTHON to its path"
}

# Where the folder was moved, or the pack replaced, the environment is made anew.
key() {
  echo "$here"
  cat "$here/SHA256SUMS"
}

install() {
  test -f "$ready" && key | cmp -s - "$ready" && return
  find_python
  test "$(uname -s) $(uname -m)" = "Linux x86_64" || fail "this pack is for Linux on x86-64: the book opens anywhere, from book/index.html"
  echo "install: checking the files ..."
  (cd "$here" && sha256sum --check --quiet SHA256SUMS) || fail "the files above are broken or missing: unpack the zip again, or get another copy"
  echo "install: making the environment (some minutes, once) ..."
  rm -rf "$venv"
  # pip comes with the pack, because Debian and Ubuntu keep theirs in another package.
  "$python" -m venv --without-pip "$venv" || fail "this Python cannot make environments: install the package python@MINOR@-venv"
  PIP_CONFIG_FILE=/dev/null "$venv/bin/python" "$here/wheels/@PIP@/pip" --isolated install --quiet --no-compile \
    --disable-pip-version-check --no-index --find-links "$here/wheels" @ROOTS@ || fail "pip could not install the wheels (its message is above): is the disk full?"
  key > "$ready"
  echo "install: the environment stands in $venv"
}

install
NEARLINEAR_CACHE="$here/cache"
HF_HUB_OFFLINE=1
JUPYTER_PREFER_ENV_PATH=1
PATH="$venv/bin:$PATH"
export NEARLINEAR_CACHE HF_HUB_OFFLINE JUPYTER_PREFER_ENV_PATH PATH

case "${1:-}" in
  "") echo "install: next, say: sh install.sh lab" ;;
  lab)
    shift
    exec jupyter lab --notebook-dir "$here/notebooks" "$@"
    ;;
  run)
    shift
    test $# -gt 0 || fail "say which chapter, such as: sh install.sh run 01 smoke"
    cd "$here" && exec python -m tools.pack_run "$1" "${2:-offline}"
    ;;
  nearlinear)
    shift
    exec nearlinear "$@"
    ;;
  *) fail "there is no command $1: say lab, run or nearlinear, or nothing" ;;
esac
