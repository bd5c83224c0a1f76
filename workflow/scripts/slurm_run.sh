#!/bin/bash
# slurm_run.sh NODES GPUS_PER_NODE CPUS PORT FQDN_SUFFIX COMMAND...
#
# Runs a training command: as it is on one node, once per node of the present Slurm allocation on several. The command
# stops with exit code 85 after writing a checkpoint when Slurm announced the end of its time (SIGTERM); the job is
# then put back into the queue under its own id, which spends none of Snakemake's retries.
set -euo pipefail

nodes=$1 gpus=$2 cpus=$3 port=$4 suffix=$5
shift 5
job=${SLURM_JOB_ID:-}

if [ -z "$job" ]; then
    [ "$nodes" = 1 ] && exec "$@"
    echo "error: cluster.nodes is $nodes, but this is no Slurm job; set cluster.nodes: 1 or use --profile profiles/slurm" >&2
    exit 2
fi

if [ "$nodes" != 1 ] && [ -n "${SLURM_ARRAY_TASK_ID:-}" ]; then
    # the executor runs the command of the first task in all tasks of an array of jobs that start several processes
    echo "error: --slurm-array-jobs train needs cluster.nodes: 1; leave it out, and each seed is a job" >&2
    exit 2
fi

# a shell that is killed cannot pass signals on, so the kernel (PR_SET_PDEATHSIG = 1) tells the command to stop
leash='import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
os.getppid() == int(sys.argv[1]) or sys.exit("the launcher is gone")
os.execvp(sys.argv[2], sys.argv[2:])'

# On every node. Several ranks stop at slightly different times, and Slurm kills the others once one has ended with an
# error: so each waits here, and the first requeues the job before any of them has ended.
run_and_requeue() {
    trap : TERM # Slurm signals every process of the step: the command must see it and finish, this shell must live on
    local status=0
    "$@" || status=$?
    if [ "$status" = 85 ]; then
        if [ "${SLURM_PROCID:-0}" = 0 ]; then
            echo "stopped with a checkpoint; putting job $SLURM_JOB_ID back into the queue"
            scontrol requeue "$SLURM_JOB_ID" || exit 85
        fi
        # Slurm ends this shell while it requeues; coming back from the sleep means that it did not
        sleep 300 || :
    fi
    exit "$status"
}

[ "$nodes" = 1 ] && run_and_requeue python -c "$leash" $$ "$@"

trap : TERM
# inherited variables describe the step that this shell runs in, and srun would take them for options
for name in $(compgen -e); do
    case $name in
    SLURM_CONF | SLURM_CLUSTER_NAME) ;;
    SLURM_* | SRUN_* | SBATCH_*) unset "$name" ;;
    esac
done
python -c "$leash" $$ srun --jobid="$job" --overlap --nodes="$nodes" --ntasks="$nodes" --ntasks-per-node=1 \
    --cpus-per-task="$cpus" --gres="gpu:$gpus" --cpu-bind=none --kill-on-bad-exit=1 \
    bash -c "$(declare -f run_and_requeue); run_and_requeue \"\$@\"" rank \
    "$@" --nodes "$nodes" --gpus-per-node "$gpus" --coordinator-port "$port" --fqdn-suffix "$suffix"
