# A real Slurm on this machine, for tests: munged, slurmctld and seven slurmd on loopback, all under one directory, with
# ports, keys and sockets of their own: a Slurm or munge that the machine has is neither used nor touched. No systemd
# is needed. Sourced after tests/run/_lib.sh.
#
#   cluster_start    starts it under ./cluster and exports SLURM_CONF; skips the test where Slurm or root is missing.
#                    Whatever becomes of the test, even SIGKILL, the daemons and their jobs are stopped.
#   node_lost NAME   kills the node's slurmd and everything it runs, as a power cut would
#   node_back NAME   starts it again
#
# Nodes n1 and n2 are the partition `main`; n3 and n4 are `frail`, n5 and n6 `doomed`, for nodes that are to be lost;
# on n7 a job of `high` preempts one of `low`. They share the machine's cores, memory and /dev/shm; each says that it has many cores, so that tiny jobs overlap.
# shellcheck shell=bash

cluster=$PWD/cluster nodes=(n1 n2 n3 n4 n5 n6 n7)

# kill_marked TEXT…: SIGKILL for the processes of this cluster that were started with one of these in their
# environment. Every one of its processes, daemon or job, has the path of its configuration there; the test's own
# shell had not when it was started.
kill_marked() {
    local _ file process mark found
    for _ in 1 2 3 4 5; do # a process may fork while the list is made
        found=no
        for mark in "$@"; do
            for file in $(grep -lzsxF "$mark" /proc/[0-9]*/environ 2>/dev/null); do
                process=${file#/proc/} process=${process%/environ}
                grep -qzsxF "SLURM_CONF=$cluster/slurm.conf" "$file" 2>/dev/null || continue
                if [ "$process" != "$BASHPID" ] && kill -KILL "$process" 2>/dev/null; then found=yes; fi
            done
        done
        [ $found = yes ] || return 0
        sleep 0.1
    done
}

# Nothing here is worth saving, and a daemon that waits for its jobs would take long.
cluster_stop() { kill_marked "SLURM_CONF=$cluster/slurm.conf"; }

# An orphan, so that it is not in the process tree of the test, which ctest kills whole when the time is over.
cluster_guard() {
    local test=$$
    (
        (
            trap '' INT TERM HUP
            exec </dev/null >/dev/null 2>&1
            while kill -0 "$test" 2>/dev/null; do sleep 1; done
            cluster_stop
            rm -rf "$cluster"
        ) &
    )
}

# The first of a row of ports at which nobody answers, one for each daemon.
free_ports() {
    local first port
    for _ in $(seq 50); do
        first=$((10000 + RANDOM % 20000))
        for port in $(seq $first $((first + ${#nodes[@]}))); do
            if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then continue 2; fi
        done
        echo $first && return
    done
    fail 'no free ports'
}

configure_cluster() {
    local host port user node number=0
    host=$(hostname -s) port=$(free_ports) user=$(id -un)
    {
        cat <<CONF
ClusterName=elbow
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$cluster/munge/socket
CredType=cred/munge
StateSaveLocation=$cluster/state
SlurmdSpoolDir=$cluster/spool-%n
TmpFS=$cluster/tmp-%n
SlurmctldPidFile=$cluster/slurmctld.pid
SlurmdPidFile=$cluster/slurmd-%n.pid
SlurmctldLogFile=$cluster/slurmctld.log
SlurmdLogFile=$cluster/slurmd-%n.log
SlurmctldDebug=info
SlurmdDebug=info
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2,sched_min_interval=200000,batch_sched_delay=0,bf_interval=2
MpiDefault=none
ReturnToService=2
SlurmdTimeout=10
MessageTimeout=5
KillWait=12
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
CONF
        for node in "${nodes[@]}"; do
            number=$((number + 1))
            mkdir -p "$cluster/spool-$node" "$cluster/tmp-$node"
            echo "NodeName=$node NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + number)) CPUs=32 RealMemory=1000"
        done
        echo 'PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP'
        echo 'PartitionName=frail Nodes=n3,n4 MaxTime=INFINITE State=UP'
        echo 'PartitionName=low Nodes=n7 PriorityTier=1 GraceTime=10 MaxTime=INFINITE State=UP'
        echo 'PartitionName=high Nodes=n7 PriorityTier=10 PreemptMode=OFF MaxTime=INFINITE State=UP'
        echo 'PartitionName=doomed Nodes=n5,n6 MaxTime=INFINITE State=UP'
    } >"$cluster/slurm.conf"
}

# daemon NAME PROGRAM…: found by its environment, which its children inherit, not by a pid.
daemon() {
    local name=$1
    shift
    (exec env SLURM_CONF="$cluster/slurm.conf" ELBOW_TEST_DAEMON="$name" setsid "$@" </dev/null >>"$cluster/$name.out" 2>&1) &
    disown
}

node_back() { daemon "$1" "$slurmd" -D -N "$1"; }

# The daemons first: they could still tell that their jobs died. (What a job runs has its node's name from Slurm.)
node_lost() {
    kill_marked "ELBOW_TEST_DAEMON=$1"
    kill_marked "SLURMD_NODENAME=$1"
}

nodes_idle() { [ "$(sinfo -h -N -t idle -o %N | sort -u | wc -l)" = ${#nodes[@]} ]; }

cluster_start() {
    local program
    PATH=$PATH:/usr/sbin:/sbin
    for program in munged slurmctld slurmd sbatch srun scontrol squeue; do
        command -v $program >/dev/null || skip "no $program: Slurm's tests want Debian's slurm-wlm and munge"
    done
    [ "$(id -u)" = 0 ] || skip 'Slurm runs jobs as root only'
    slurmd=$(command -v slurmd)
    mkdir -p "$cluster"/{state,munge}
    chmod 755 "$PWD" "$cluster" "$cluster/munge"
    configure_cluster
    trap cluster_stop EXIT
    trap 'exit 1' INT TERM HUP
    cluster_guard
    head -c 64 /dev/urandom >"$cluster/munge/key"
    chmod 400 "$cluster/munge/key"
    daemon munged munged --foreground --force --key-file="$cluster/munge/key" --socket="$cluster/munge/socket" \
        --pid-file="$cluster/munge/pid" --log-file="$cluster/munge/log" --seed-file="$cluster/munge/seed"
    await test -S "$cluster/munge/socket"
    export SLURM_CONF=$cluster/slurm.conf
    daemon slurmctld slurmctld -D
    for node in "${nodes[@]}"; do node_back "$node"; done
    await nodes_idle
}
