# An installed elbow is enough to build a program on libelbow: pkg-config finds it wherever it was put.
set -euo pipefail
if [ -n "${ELBOW_SANITIZE:-}" ]; then echo 'skipped: a sanitized library is not for installing' && exit 77; fi
if ! command -v pkg-config >/dev/null; then echo 'skipped: no pkg-config' && exit 77; fi

cmake --install "$ELBOW_BUILD" --prefix "$PWD/there" >install.log || { cat install.log && exit 1; }
there/bin/elbow --help >help.txt
grep -q train help.txt || { echo 'elbow --help does not name train:' && cat help.txt && exit 1; }
for file in include/elbow/elbow.h include/elbow/version.h include/elbow/base/options.def \
    share/elbow/jobs/train.sbatch share/elbow/configs/categorical-mnist.ini; do
    [ -e "there/$file" ] || { echo "not installed: $file" && exit 1; }
done

cat >program.c <<'C'
#include <elbow/elbow.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    elbow_options *options = NULL;
    if (elbow_options_create(&options) != ELBOW_OK || elbow_options_set(options, "train.batch=7") != ELBOW_OK) return 1;
    printf("%s %d\n", ELBOW_VERSION, (int)options->train.batch);
    if (elbow_options_set(options, "train.bach=7") == ELBOW_OK || !strstr(elbow_error_message(), "batch")) return 2;
    elbow_checkpoint *checkpoint = NULL; /* what reaches HDF5 */
    if (elbow_checkpoint_read(&checkpoint, "nowhere.h5") == ELBOW_OK) return 3;
    elbow_world *world = NULL; /* and MPI */
    if (elbow_world_open(&world, NULL, NULL) != ELBOW_OK || world->size != 1) return 4;
    elbow_world_close(&world);
    elbow_options_destroy(&options);
    return 0;
}
C
PKG_CONFIG_PATH=$(dirname "$(find there -name elbow.pc)")
export PKG_CONFIG_PATH
read -ra flags <<<"$(pkg-config --cflags --libs elbow)"
LD_LIBRARY_PATH=there/lib:${LD_LIBRARY_PATH:-} && export LD_LIBRARY_PATH
"${CC:-cc}" -o program program.c "${flags[@]}"
[ "$(./program)" = "$(pkg-config --modversion elbow) 7" ]
