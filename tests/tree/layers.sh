# A folder of src/, with the public headers of the same name, includes only itself and the folders below it.
# The program (cli) includes public headers only: what it can do, a program that embeds libelbow can do.
set -euo pipefail
cd "$ELBOW_SOURCE"
order=(base math parallel data nn vae optim store train cli)

level() {
    local i
    for i in "${!order[@]}"; do
        if [ "${order[i]}" = "$1" ]; then echo "$i" && return; fi
    done
    return 1
}

failed=0
complain() { echo "$1" && failed=1; }

for folder in src/*/ include/elbow/*/; do
    level "$(basename "$folder")" >/dev/null || complain "$folder: not a layer; add it to the order in tests/tree/layers.sh"
done

while IFS=: read -r file line text; do
    include=$(sed -E 's/^[^"]*"([^"]+)".*/\1/' <<<"$text")
    from=$(sed -E 's#^(src|include/elbow)/([^/]+)/.*#\2#' <<<"$file")
    case $include in
    elbow/elbow.h) [ "$from" = cli ] || complain "$file:$line: includes elbow/elbow.h, all layers at once; name the header" ;;
    elbow/version.h) ;;
    elbow/*/*) to=${include#elbow/} && to=${to%%/*} ;;
    */*)
        to=${include%%/*}
        [ "$from" != cli ] || [ "$to" = cli ] || complain "$file:$line: the program includes the private header $include"
        ;;
    *) to=$from ;; # a neighbour
    esac
    case $include in elbow/elbow.h | elbow/version.h) continue ;; esac
    if ! below=$(level "$to"); then
        complain "$file:$line: $include is in no layer"
    elif [ "$below" -gt "$(level "$from")" ]; then
        complain "$file:$line: $from includes $include, which is above it"
    fi
done < <(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' src include/elbow/*/ --include='*.[ch]')
exit $failed
