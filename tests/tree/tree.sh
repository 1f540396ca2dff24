# What nobody should meet in the tree: files too long to read, open ends, paths of somebody's machine.
set -euo pipefail
cd "$ELBOW_SOURCE"
folders=()
for folder in src include tests jobs configs scripts; do
    if [ -d "$folder" ]; then folders+=("$folder"); fi
done
failed=0

while read -r lines file; do
    if [ "$file" != total ] && [ "$lines" -gt 600 ]; then echo "$file: $lines lines, more than 600: what are its two halves?" && failed=1; fi
done < <(find "${folders[@]}" -type f \( -name '*.[ch]' -o -name '*.def' -o -name '*.sh' -o -name '*.py' \) -exec wc -l {} +)

# The patterns are written so that they do not find themselves.
if grep -rnIE 'TO[D]O|FIX[M]E|(^|[^X])XX[X]($|[^X])' "${folders[@]}" CMakeLists.txt; then echo 'left open, see above' && failed=1; fi
if grep -rnIE '(^|[^A-Za-z0-9_.$}])/(work|home|root|Users)[/]' "${folders[@]}" CMakeLists.txt; then
    echo 'a path of one machine, see above' && failed=1
fi
exit $failed
