#!/bin/bash
# cluster.sh FOLDER COMMAND...
#
# Runs a command on the login node of a Slurm cluster of its own: node1 and node2, each with an address, a full name and
# four GPUs that are only device files. As root; logs go to FOLDER.
#
# Everything lives in new namespaces (processes, network, mounts, host name) whose first process is this script. The
# kernel ends all of it, daemons, jobs and interfaces, when this script ends, however that comes about; nothing of the
# machine's own network, /etc or /run is touched.
set -euo pipefail

NODES=2 GPUS=4 NET=10.77.0 DOMAIN=cluster.test

if [ $$ != 1 ]; then
    exec unshare --fork --kill-child --pid --mount --net --uts --ipc --mount-proc bash "$0" "$@"
fi

folder=$(realpath "$1")
shift
rm -rf "$folder"/{etc,log,state,spool}
mkdir -p "$folder"/{etc,log,state,spool}
mount -t tmpfs tmpfs /run
mkdir -p /run/munge /run/gpu

hostname login
ip link set lo up
ip link add br0 type bridge
ip addr add "$NET.1/24" dev br0
ip link set br0 up
printf '127.0.0.1 localhost\n%s login.%s login\n' "$NET.1" "$DOMAIN" >"$folder/etc/hosts"
for i in $(seq "$NODES"); do
    echo "$NET.1$i node$i.$DOMAIN node$i" >>"$folder/etc/hosts"
    ip netns add "node$i"
    ip link add "port$i" type veth peer name eth0 netns "node$i"
    ip link set "port$i" master br0 up
    ip -n "node$i" link set lo up
    ip -n "node$i" addr add "$NET.1$i/24" dev eth0
    ip -n "node$i" link set eth0 up
done
for g in $(seq 0 $((GPUS - 1))); do mknod -m 666 "/run/gpu/nvidia$g" c 1 3; done

cat >"$folder/etc/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=login($NET.1)
SlurmUser=root
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
AuthInfo=cred_expire=20
MpiDefault=none
SwitchType=switch/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2,sched_min_interval=0
JobRequeue=1
KillWait=10
MinJobAge=600
ReturnToService=2
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.%n.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.%n.log
NodeName=node[1-$NODES] NodeAddr=$NET.1[1-$NODES] CPUs=8 RealMemory=128000 Gres=gpu:$GPUS
PartitionName=gpu Nodes=ALL Default=YES MaxTime=1-0
CONF
echo "NodeName=node[1-$NODES] Name=gpu File=/run/gpu/nvidia[0-$((GPUS - 1))]" >"$folder/etc/gres.conf"
# slurmd looks for a cgroup plugin by itself and fails where there is no cgroup file system
printf 'CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n' >"$folder/etc/cgroup.conf"
# at its default place, because the executor's job step drops SLURM_CONF from the environment
mkdir -p /etc/slurm
mount --bind "$folder/etc" /etc/slurm
mount --bind "$folder/etc/hosts" /etc/hosts
unset "${!SLURM_@}"

within_a_minute() { # COMMAND...: until it succeeds
    local end=$((SECONDS + 60))
    until "$@" &>/dev/null; do
        if [ $SECONDS -gt $end ]; then
            echo "error: the cluster did not come up:" >&2
            tail -n 5 "$folder"/log/* >&2
            exit 1
        fi
        sleep 0.1
    done
}

(umask 077 && head -c 1024 /dev/urandom >"$folder/etc/munge.key")
# --force: it mistrusts a key below a folder that others may write to, such as /tmp
munged --force --foreground --key-file="$folder/etc/munge.key" --seed-file=/run/munge/seed \
    --log-file="$folder/log/munged.log" &>"$folder/log/munged.out" &
within_a_minute [ -S /run/munge/munge.socket.2 ]
slurmctld -D -i &>"$folder/log/slurmctld.out" &
# nodes that come before their controller try again only after a while
within_a_minute timeout 5 scontrol ping --quiet
for i in $(seq "$NODES"); do
    mkdir -p "$folder/spool/node$i"
    # shellcheck disable=SC2016
    nsenter --net="/run/netns/node$i" unshare --uts sh -c 'hostname "$0"; exec "$@"' "node$i" slurmd -D \
        &>"$folder/log/slurmd.node$i.out" &
done
nodes_are_idle() { [ "$(timeout 5 sinfo --noheader --states=idle --format=%D 2>/dev/null)" = "$NODES" ]; }
within_a_minute nodes_are_idle
"$@"
