# The shell scripts say what they mean: shellcheck finds nothing in them.
set -euo pipefail
cd "$ELBOW_SOURCE"
if ! command -v shellcheck >/dev/null; then echo 'skipped: shellcheck is not installed' && exit 77; fi
files=()
while read -r file; do
    case $file in
    *.sh) files+=("$file") ;;
    *) if head -n 1 "$file" | grep -qE '^#!.*sh$'; then files+=("$file"); fi ;;
    esac
done < <(find scripts jobs tests .ci -type f ! -name '*.[ch]' ! -path '*/corpus/*')
# SC2034: what a sourced file sets for others looks unused.
shellcheck -x -s bash -S warning -e SC2034 "${files[@]}"
