# Every public header is in elbow/elbow.h, and compiles alone: whoever includes it needs to know no order.
set -euo pipefail
cd "$ELBOW_SOURCE/include"
failed=0
for header in elbow/*/*.h; do
    if [ "$header" = elbow/base/options_struct.h ]; then continue; fi # a part of options.h
    grep -qxF "#include \"$header\"" elbow/elbow.h || { echo "$header: not in elbow/elbow.h" && failed=1; }
    printf '#include "%s"\n' "$header" | "${CC:-cc}" -std=c17 -Wall -Wextra -Werror -fsyntax-only -I. -x c - ||
        { echo "$header: does not compile alone" && failed=1; }
done
exit $failed
