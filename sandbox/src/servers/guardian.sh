# Runs one server and ends it when the owner is gone. POSIX sh only.
#   $1 the signal that stops the server   $2 how long it may take then, in tenths of a second
#   $3 the run folder                     the rest: the server's command line
# Standard input is a pipe from the owner: each line is a signal for the server, or `start` after the server ended;
# its end, in whatever way the owner ended, means: stop the server, remove the run folder.
# Standard output is the log. Standard error holds the lock on the data, for as long as this process lives.
signal=$1 patience=$2 folder=$3
shift 3
exec 3<&0 </dev/null 4>&2 2>&1

attend() {
    while read -r verb <&3; do
        kill -s "$verb" "$server" 2>/dev/null
    done
    while [ "$patience" -gt 0 ]; do
        kill -s "$signal" "$server" 2>/dev/null
        sleep 0.1 >/dev/null 2>&1 4>&- || sleep 1
        patience=$((patience - 1))
    done
    kill -s KILL "$server"
}

trap 'kill -s "$signal" "$server" 2>/dev/null' HUP INT TERM
while :; do
    verb=
    "$@" 3<&- &
    server=$!
    echo "$server" >"$folder/pid"
    attend &
    attendant=$!
    while
        wait "$server"
        status=$?
        # Above 128 is a server that a signal ended, or a signal of ours that ended the wait early.
        [ "$status" -gt 128 ] && kill -s 0 "$server" 2>/dev/null
    do :; done
    # Not TERM: a shell that was only just forked may miss it.
    kill -s KILL "$attendant" 2>/dev/null
    wait "$attendant" 2>/dev/null
    echo "$status" >"$folder/exit.part"
    mv "$folder/exit.part" "$folder/exit"
    # A signal that came too late for the server that just ended is not for the next one.
    until [ "$verb" = start ]; do
        read -r verb <&3 || break 2
    done
done
cd / && rm -rf "$folder"
