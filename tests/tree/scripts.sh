# The shell scripts say what they mean: shellcheck finds nothing in them.
set -euo pipefail
cd "$ELBOW_SOURCE"
if ! command -v shellcheck >/dev/null; then echo 'skipped: shellcheck is not installed' && exit 77; fi
files=(scripts/* jobs/*.sbatch .ci/run tests/tools/run_test)
while read -r file; do files+=("$file"); done < <(find tests -name '*.sh')
for i in "${!files[@]}"; do
    case ${files[i]} in *.py) unset 'files[i]' ;; esac
done
shellcheck -x -s bash "${files[@]}"
