#!/bin/bash
# commands.sh FILE: runs each line of FILE as a bash command in an empty folder, and prints
# what it printed and its status.
export LC_ALL=C TZ=UTC
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
n=0
while IFS= read -r command; do
    n=$((n + 1))
    echo "--- $n: $command"
    mkdir "$work/d" && cd "$work/d" || exit 1
    bash -c "$command" </dev/null 2>"$work/err"
    echo "--- status $?"
    sed 's/^[^ ]*: //' "$work/err"
    cd / && rm -rf "$work/d"
done <"$1"
echo "$n commands"
