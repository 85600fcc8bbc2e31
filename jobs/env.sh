# What the job scripts share; they source it from the directory they were submitted from.
# shellcheck shell=bash
#
# ---- What a site changes -------------------------------------------------------------------------
# Modules, where the compiler and the libraries come from them:
#module purge && module load gcc openmpi hdf5 openblas
# The program:
: "${JETNAE:=build/jetnae}"
# How ranks are started: srun (through PMIx) or mpirun; auto: srun where Slurm has PMIx.
: "${JETNAE_LAUNCHER:=auto}"
# One rank per core (--cpus-per-task=1, as the scripts stand) or one per NUMA domain with a thread
# for each of its cores (--ntasks-per-node=8 --cpus-per-task=16, say): the result is the same bits,
# the first is simpler, the second needs less memory for wide networks. core: ranks and threads stay
# on their cores; none: the site's own binding, or shared cores.
: "${JETNAE_BIND:=core}"
# Runs that end by a fault (a node that dies, a rank that is killed) are started again; no more than
# this many times in a row without a new checkpoint.
: "${JETNAE_RETRIES:=3}"
# ---- Nothing below needs changing ----------------------------------------------------------------

# The program locks no file and needs no lock: a parallel file system without locks is fine.
export HDF5_USE_FILE_LOCKING=FALSE
# Some releases of Open MPI 4 with PMIx 4 fail in MPI_Init now and then without it.
export PMIX_MCA_gds="${PMIX_MCA_gds:-hash}"
export OMP_PLACES=cores
[ "$JETNAE_BIND" = core ] || export OMP_PROC_BIND=false

say() { printf '%s: %s\n' "${SLURM_JOB_NAME:-jetnae}" "$*" >&2; }

# The time at which Slurm ends the job, in seconds since 1970; newer releases set it themselves.
if [ -n "${SLURM_JOB_ID:-}" ] && [ -z "${SLURM_JOB_END_TIME:-}" ]; then
  end="$(squeue -h -j "$SLURM_JOB_ID" -o %e 2>/dev/null | head -n 1)"
  end="$(date -d "$end" +%s 2>/dev/null)" && export SLURM_JOB_END_TIME="$end"
fi

has_pmix() { srun --mpi=list 2>&1 | grep -q pmix; }

if [ "$JETNAE_LAUNCHER" = auto ]; then
  JETNAE_LAUNCHER=mpirun
  [ -z "${SLURM_JOB_ID:-}" ] || ! has_pmix || JETNAE_LAUNCHER=srun
fi

# A requeued job counts its steps from 0 again, and where a step died with a node, what it left on the
# other nodes is in the way of a step of the same number: go past the numbers of earlier attempts.
pass_steps() {
  local n
  for ((n = 2 * (${SLURM_RESTART_COUNT:-0} % 16); n > 0; n--)); do
    timeout 20 srun --mpi=none -N1 -n1 -w "$SLURMD_NODENAME" true
  done
}

# The program on all ranks of the job: launch COMMAND [config.yaml] [key=value ...]
launch() {
  local cpus="${SLURM_CPUS_PER_TASK:-1}" start
  case "$JETNAE_LAUNCHER-$JETNAE_BIND" in
    srun-core) start=(srun --mpi=pmix --cpu-bind=cores) ;;
    srun-*) start=(srun --mpi=pmix) ;;
    *-core) start=(mpirun --map-by "slot:PE=$cpus" --bind-to core) ;;
    *) start=(mpirun --bind-to none) ;;
  esac
  SRUN_CPUS_PER_TASK="$cpus" exec "${start[@]}" "$JETNAE" "$@" threads="$cpus"
}

# The same, with signals passed on to the ranks: USR1, Slurm's word that the limit is near, and TERM,
# that the job is being ended. Leaves the exit code in $code, and in $ended whether it was TERM.
supervise() {
  local pid status heard
  code=127 ended=
  launch "$@" &
  pid=$!
  trap 'heard=1; kill -USR1 $pid 2>/dev/null' USR1
  trap 'heard=1 ended=1; kill -USR1 $pid 2>/dev/null' TERM
  while :; do # `wait` returns early when a signal is heard
    heard=
    wait "$pid"
    status=$?
    [ "$status" = 127 ] || code=$status
    [ -n "$heard" ] || break
  done
}

# The value of key=value among the arguments: value_of KEY ARGUMENT ...
value_of() {
  local key="$1" word value=
  shift
  for word in "$@"; do [ "${word%%=*}" != "$key" ] || value="${word#*=}"; done
  printf '%s' "$value"
}

# What says that a run has got on: the names of the checkpoints below its directory.
progress_of() { find "$1" -path '*/checkpoints/step-*.h5' 2>/dev/null | sort; }

# Put the job back into the queue, under the same number, and wait for Slurm to end this attempt.
requeue() {
  say "$1; back into the queue"
  trap - USR1 TERM
  scontrol requeue "$SLURM_JOB_ID" && sleep 600
  say "Slurm does not requeue this job; submit it again and it goes on where it was"
  exit 75
}

# Whether Slurm still lets the job run: a TERM that it heard then was a late one, for the attempt before.
lives() { [ "$(squeue -h -j "$SLURM_JOB_ID" -o %T 2>/dev/null)" = RUNNING ]; }

# Whether the last attempt ended by a fault before it got on: failed DIR PROGRESS_BEFORE
failed() {
  case "$code" in 0 | 2 | 75) return 1 ;; esac
  [ -z "$ended" ] && [ "$(progress_of "$1")" = "$2" ]
}

# Run a command that writes checkpoints below DIR until it is done, over as many jobs as that takes:
# until_done DIR COMMAND ...
until_done() {
  local dir="$1" before faults
  shift
  before="$(progress_of "$dir")"
  [ "$JETNAE_LAUNCHER" != srun ] || pass_steps
  supervise "$@"
  [ -z "$ended" ] || ! lives || ended=
  if failed "$dir" "$before"; then
    say "exit code $code before any new checkpoint; once more in this job"
    supervise "$@"
  fi
  case "$code" in
    0) rm -f "$dir/faults" && exit 0 ;;
    2) exit 2 ;;
  esac
  [ -z "$ended" ] || exit "$code" # cancelled, or Slurm itself puts it back
  if [ "$(progress_of "$dir")" != "$before" ]; then
    rm -f "$dir/faults"
    requeue "stopped with exit code $code"
  fi
  faults=$(($(cat "$dir/faults" 2>/dev/null || echo 0) + 1))
  mkdir -p "$dir" && echo "$faults" >"$dir/faults"
  [ "$faults" -gt "$JETNAE_RETRIES" ] || requeue "exit code $code and no new checkpoint (no. $faults)"
  say "exit code $code and no new checkpoint, $faults times in a row: giving up"
  exit "$code"
}
