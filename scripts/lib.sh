# What scripts/test, scripts/quickstart and tests/tools/run_test share. Sourced by bash, not run.
# shellcheck shell=bash

# MPI on a workstation, in a container, in CI: more ranks than cores is fine, ranks that wait give way, and none
# is pinned. All by the environment, so that command lines are the same for Open MPI 4 and 5 (OMPI_, PRTE_) and
# for MPICH, which heeds none of it and needs none of it.
mpi_environment() {
    export OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
    export OMPI_MCA_hwloc_base_binding_policy=none PRTE_MCA_hwloc_default_binding_policy=none
    export OMPI_MCA_mpi_yield_when_idle=1
    # Containers forbid reading another process's memory; Open MPI 4 would complain on every run.
    export OMPI_MCA_btl_vader_single_copy_mechanism=none
    if [ "$(id -u)" = 0 ]; then
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
        export PRTE_ALLOW_RUN_AS_ROOT=1 PRTE_ALLOW_RUN_AS_ROOT_CONFIRM=1
    fi
    export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
}

# What every build of elbow needs, by Debian's names.
# shellcheck disable=SC2034 # used where this is sourced
build_packages=(build-essential cmake ninja-build pkg-config libopenmpi-dev openmpi-bin libopenblas-dev
    libhdf5-dev zlib1g-dev librandom123-dev libinih-dev libxxhash-dev libpng-dev)

# The same for Spack; the list that CMake prints is the exact one.
spack_packages='cmake openmpi openblas hdf5~mpi zlib random123 inih xxhash libpng'

has_package() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# "sudo " or nothing: what has to stand before apt-get; fails where packages cannot be installed.
apt_prefix() {
    if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then return 1; fi
    if [ "$(id -u)" = 0 ]; then return 0; fi
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then echo sudo && return 0; fi
    return 1
}

# install_packages REQUIRED|OPTIONAL PACKAGES…: installs those that are missing where this user may. Where not,
# says what to type and goes on: the packages may be there under other names (modules, Spack, another
# distribution), and CMake names whatever really is missing.
install_packages() {
    local need=$1 package prefix missing=()
    shift
    if ! command -v dpkg-query >/dev/null; then
        echo "not a Debian system: using what is here. With Spack: spack install $spack_packages"
        return 0
    fi
    for package in "$@"; do
        has_package "$package" || missing+=("$package")
    done
    if [ ${#missing[@]} = 0 ]; then
        echo "${need,,} packages: all here"
        return 0
    fi
    if [ "${ELBOW_INSTALL:-yes}" = no ] || ! prefix=$(apt_prefix); then
        echo "missing packages ($need), not installed by this user; as root:"
        echo "    apt-get update && apt-get install --no-install-recommends ${missing[*]}"
        echo "or, without root, the same from environment modules or Spack: spack install $spack_packages"
        return 0
    fi
    echo "installing: ${missing[*]}"
    if [ -z "${apt_updated:-}" ]; then
        apt_get "$prefix" update || echo "apt-get update failed; going on with the lists that are here"
        apt_updated=yes
    fi
    apt_get "$prefix" install --no-install-recommends "${missing[@]}" && return 0
    if [ "$need" = REQUIRED ]; then return 1; fi
    for package in "${missing[@]}"; do # one that this release does not have must not cost the others
        apt_get "$prefix" install --no-install-recommends "$package" ||
            echo "not available here: $package; what needs it will be skipped"
    done
}

# Quiet unless it fails, and never a question: DEBIAN_FRONTEND, no stdin, old configuration kept.
apt_get() {
    local prefix=$1 log
    shift
    log=$(mktemp)
    if $prefix env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Dpkg::Options::=--force-confold \
        -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1 </dev/null; then
        rm -f "$log"
        return 0
    fi
    tail -n 15 "$log"
    rm -f "$log"
    return 1
}

# configure DIRECTORY CMAKE-ARGUMENTS…: a build directory keeps its generator; a new one takes Ninja if it can.
configure() {
    local directory=$1
    shift
    if [ ! -e "$directory/CMakeCache.txt" ] && command -v ninja >/dev/null; then set -- -G Ninja "$@"; fi
    cmake -B "$directory" -S . "$@"
}

# Cores that this process may use, hyperthreads counted once, and a container's limit heeded.
physical_cores() {
    local cores quota period
    cores=$(nproc)
    if command -v lscpu >/dev/null; then
        local physical
        physical=$(lscpu -p=CORE,SOCKET 2>/dev/null | grep -v '^#' | sort -u | wc -l)
        if [ "$physical" -gt 0 ] && [ "$physical" -lt "$cores" ]; then cores=$physical; fi
    fi
    if read -r quota period 2>/dev/null </sys/fs/cgroup/cpu.max && [ "$quota" != max ]; then
        quota=$(((quota + period - 1) / period))
        if [ "$quota" -lt "$cores" ]; then cores=$quota; fi
    fi
    echo "$cores"
}
