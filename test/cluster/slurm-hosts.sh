#!/bin/bash
# A Slurm cluster of three hosts in namespaces of its own, for tests: one slurmctld, three slurmd, one munged. Needs root,
# slurm-wlm and munge. It ends, with all that runs in it, when standard input ends.
#   slurm-hosts.sh FOLDER MAX_ARRAY_SIZE    prints "ready" when jobs can be submitted
set -euo pipefail
if [ "${3:-}" != inside ]; then
  exec unshare --mount --net --uts --pid --fork --kill-child --mount-proc bash "$0" "$1" "$2" inside
fi
folder=$1
hostname control
mount -t tmpfs none /run
mkdir -p /run/netns "$folder"/{state,spool-n{1,2,3}}
ip link set lo up
ip link add hosts type bridge
ip addr add 10.213.77.1/24 dev hosts
ip link set hosts up
for i in 1 2 3; do
  ip netns add "n$i"
  ip link add "host$i" type veth peer name eth0 netns "n$i"
  ip link set "host$i" master hosts up
  ip -n "n$i" addr add "10.213.77.1$i/24" dev eth0
  ip -n "n$i" link set eth0 up
  ip -n "n$i" link set lo up
done

dd if=/dev/urandom of="$folder/munge.key" bs=128 count=1 status=none
chmod 600 "$folder/munge.key"
munged --force --key-file="$folder/munge.key" --socket=/run/munge.socket --pid-file=/run/munged.pid \
  --log-file="$folder/munged.log" --seed-file="$folder/munge.seed"
cat >"$folder/slurm.conf" <<END
ClusterName=maskbench
SlurmctldHost=control(10.213.77.1)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=/run/munge.socket,cred_expire=5
CryptoType=crypto/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool-%n
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd-%n.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SlurmdParameters=config_overrides
ReturnToService=2
SlurmdTimeout=10
KillWait=5
MaxArraySize=$2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,batch_sched_delay=1
NodeName=n[1-3] NodeAddr=10.213.77.1[1-3] CPUs=1 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
# slurmd wants a version, and uses nothing of it.
echo 'CgroupPlugin=cgroup/v1' >"$folder/cgroup.conf"
export SLURM_CONF=$folder/slurm.conf
slurmctld
for i in 1 2 3; do
  # A host of its own name in its own network.
  nsenter --net="/run/netns/n$i" unshare --uts bash -c "hostname n$i; exec slurmd -N n$i"
done
until [ "$(sinfo --noheader --format=%D --states=idle 2>/dev/null)" = 3 ]; do sleep 0.2; done
echo ready
cat >/dev/null
