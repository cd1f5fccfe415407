#!/usr/bin/env bash
# Replays RECORDING against the service at TO, which START starts, or at LISTEN in place of a service, while TEST runs. The
# status is that of `nest-wire replay`; of TEST, if that fails; or of `nest-wire check`, if the service does not start.
set -uo pipefail
# Commands in the background get process groups of their own, so that they end with all that they have started.
set -m

options=()
while IFS= read -r option; do
    option=${option%$'\r'}
    [[ -z "${option// /}" ]] || options+=("$option")
done <<<"$OPTIONS"

started=
stop() {
    [[ -z "$started" ]] || { kill -- "-$started" && wait "$started"; } 2>/dev/null
    started=
}
trap stop EXIT

# Passes standard input on. Recorded texts cannot give commands to the runner.
print() {
    local token="nest-wire-$RANDOM-$RANDOM-$RANDOM"
    printf '::stop-commands::%s\n' "$token"
    cat
    printf '::%s::\n' "$token"
}

summarize() {
    # Indented lines are code: nothing in them is markup.
    { printf '### Contract test: %s\n\n' "$RECORDING"; sed 's/^/    /' "$1"; } >>"$GITHUB_STEP_SUMMARY"
}

play_callers() {
    local report="$RUNNER_TEMP/nest-wire-report.txt" status
    if [[ -n "$START" ]]; then
        bash -c "$START" &
        started=$!
    fi
    nest-wire check --wait "$WAIT" "$TO" || return
    nest-wire replay "$RECORDING" --to "$TO" --junit "$JUNIT" ${options[@]+"${options[@]}"} >"$report" 2>&1
    status=$?
    print <"$report"
    summarize "$report"
    if [[ -f "$JUNIT" ]]; then
        printf '::group::%s\n' "$JUNIT"
        print <"$JUNIT"
        printf '::endgroup::\n'
    fi
    return "$status"
}

play_service() {
    local report="$RUNNER_TEMP/nest-wire-report.txt" pipe="$RUNNER_TEMP/nest-wire-pipe" line tested replayed
    rm -f "$pipe" && mkfifo "$pipe"
    nest-wire replay "$RECORDING" --listen "$LISTEN" ${options[@]+"${options[@]}"} >"$pipe" 2>&1 &
    local service=$!
    exec 3<"$pipe"
    # Without the line it has ended, and has said why.
    while IFS= read -r line <&3; do
        printf '%s\n' "$line"
        [[ "$line" != "listening "* ]] || break
    done
    [[ "${line-}" == "listening "* ]] || { wait "$service"; return; }
    cat <&3 >"$report" &
    local reader=$!
    bash -c "$TEST"
    tested=$?
    kill -INT "$service" 2>/dev/null
    wait "$service"
    replayed=$?
    wait "$reader"
    print <"$report"
    summarize "$report"
    ((tested == 0)) || return "$tested"
    return "$replayed"
}

if [[ -n "$TO" && -z "$LISTEN" ]]; then
    play_callers
elif [[ -n "$LISTEN" && -n "$TEST" && -z "$TO" ]]; then
    play_service
else
    echo 'error: give either `to`, or `listen` and `test`' >&2
    exit 2
fi
