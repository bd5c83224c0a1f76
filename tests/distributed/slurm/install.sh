#!/bin/bash
# Installs Slurm and munge for the tests (Debian, Ubuntu); nothing is started. As root.
set -euo pipefail
for tool in sbatch slurmctld slurmd munged ip nsenter; do
    command -v "$tool" >/dev/null && continue
    # packages start their daemons when installed, but here only the tests may
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        trap 'rm -f "$policy"' EXIT
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends slurm-wlm munge iproute2 util-linux
    break
done
