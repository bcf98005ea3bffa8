n=$1; shift
fail=0; pids=""
for i in $(seq $n); do "$@" & pids="$pids $!"; done
for p in $pids; do wait $p || fail=$((fail+1)); done
echo "failed $fail of $n"
