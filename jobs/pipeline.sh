#!/usr/bin/env bash
# prepare -> train -> score -> report as a chain of jobs, each waiting for the one before.
#
#   jobs/pipeline.sh configs/jets-nae.yaml train.h5 test.h5 runs/qcd [key=value ...]
#
# key=value go to the training. SBATCH_OPTIONS is for all jobs: SBATCH_OPTIONS='-A myproject -p long'.
# Run it where jobs/ lies, on a login node. Prints the numbers of the jobs; when one fails, those
# behind it are cancelled. The prepared file lies in the run directory and may be kept: it opens at once.
#
# Expects: of memory and time what the four jobs say, a few minutes besides the training.
set -euo pipefail

[ $# -ge 4 ] || { echo "usage: jobs/pipeline.sh CONFIG TRAIN_FILE TEST_FILE OUT [key=value ...]" >&2; exit 2; }
config="$1" train="$2" test="$3" out="$4"
shift 4
read -ra options <<<"${SBATCH_OPTIONS:-}"
mkdir -p "$out"

# submit NAME JOB_TO_WAIT_FOR ARGUMENT_OF_SBATCH ...
submit() {
  local name="$1" after="$2" job
  shift 2
  job="$(sbatch --parsable --job-name="jetnae-$name" --output="$out/$name-%j.log" \
    ${after:+--dependency=afterok:"$after" --kill-on-invalid-dep=yes} "${options[@]}" "$@")" || exit
  echo "$name: job ${job%%;*}" >&2
  echo "${job%%;*}"
}

# One short command as a job: short NAME JOB_TO_WAIT_FOR ARGUMENT_OF_JETNAE ...
short() {
  local name="$1" after="$2"
  shift 2
  submit "$name" "$after" --ntasks=4 --mem-per-cpu=1500M --time=30 <<END
#!/usr/bin/env bash
cd "\$SLURM_SUBMIT_DIR" && . jobs/env.sh && launch $(printf '%q ' "$@")
END
}

prepared="$out/train-prepared.h5"
job="$(short prepare "" prepare "$config" data.input="$train" out="$prepared")"
job="$(submit train "$job" jobs/train.sbatch "$config" data.input="$prepared" out="$out" "$@")"
job="$(submit score "$job" jobs/score.sbatch "$out" data.input="$test" out="$out/scores.h5")"
short report "$job" report "$out" >/dev/null
