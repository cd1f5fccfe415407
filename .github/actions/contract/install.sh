#!/usr/bin/env bash
# Puts `nest-wire` on the path of the steps that follow: the program NEST_WIRE, or else the one of this revision, which is
# built from the checkout that the action came with.
set -euo pipefail

root="$RUNNER_TEMP/nest-wire"
mkdir -p "$root/bin"
if [[ -z "$NEST_WIRE" ]]; then
    cargo install --locked --path "$GITHUB_ACTION_PATH/../../../cli" --root "$root"
elif [[ -f "$NEST_WIRE" && -x "$NEST_WIRE" ]]; then
    cp "$NEST_WIRE" "$root/bin/nest-wire"
else
    echo "error: nest-wire: $NEST_WIRE is not a program" >&2
    exit 2
fi
echo "$root/bin" >>"$GITHUB_PATH"
