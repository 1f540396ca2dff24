# A node whose shared memory is too small for a window: every rank keeps its own parameters, a warning says so, and the
# bits are the same. In a namespace of its own, where /dev/shm is as small as containers have it.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
if ! unshare --mount true 2>/dev/null; then skip 'no mount namespaces here (wants root)'; fi
synthetic data.h5 600 1
wide=("${small[@]}" --set train.steps=12 --set parallel.shards=2 --set 'model.encoder=1024 1024')

quiet shared launch 2 train "${wide[@]}" --out shared
! grep -q 'parallel.replica' shared.log || fail 'warned where there is room'

# Open MPI keeps its own queues there too: room for those, not for the window.
small_room() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    unshare --mount sh -c 'mount -t tmpfs -o size=9m tmpfs /dev/shm && exec "$@"' sh "$@"
}
export -f small_room
quiet small timeout -k 5 120 bash -c 'small_room "$@"' bash "$ELBOW_MPIEXEC" -n 2 "$ELBOW" train "${wide[@]}" --out small
grep -q '/dev/shm of a node lacks [0-9.]* MB .*parallel.replica = rank' small.log || fail "$(cat small.log)"
same shared small
echo 'no room: said, and the same bits'
