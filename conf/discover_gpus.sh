#!/usr/bin/env bash
# Spark's discovery script for GPUs: one line of JSON on stdout, such as
#
#   {"name": "gpu", "addresses": ["0","1"]}
#
# Set it as spark.executor.resource.gpu.discoveryScript on YARN (each executor runs it) or as
# spark.worker.resource.gpu.discoveryScript on a standalone cluster (each worker runs it).
#
# YARN without GPU isolation lets every executor of a host see all of its GPUs, and tells none which
# are its own. So this script claims GPUs for the process that runs it (the JVM, our parent): a file
# named PID-START with one GPU a line. A claim holds while that process lives, told by its pid and
# its start time, since the kernel hands out a pid again. GPUs are claimed by UUID, since inside a
# container with isolation every GPU may have the index 0.
#
#   CUDA_VISIBLE_DEVICES     where set, the GPUs to choose from, handed out as they are written
#   MIND_GPUS_PER_EXECUTOR   how many to claim: a whole number; unset: all that are free
#   MIND_GPU_CLAIMS          where claims are kept; else /tmp/mind-UID/gpus
#
# Exit 1 with the reason on stderr where there is no GPU to hand out.
set -euo pipefail

PATIENCE=60                # seconds; nvidia-smi takes several where drivers are not kept loaded
ENTRIES=()                 # the GPUs to choose from, as CUDA_VISIBLE_DEVICES or nvidia-smi has them
PHYSICAL=()                # the UUID of each
CHOSEN=()                  # positions in these
declare -A UUIDS=()        # of the host's GPUs, by index
declare -A HOLDERS=()      # pid of the other process that holds a GPU, by UUID
declare -A OWN=()          # GPUs that our parent holds already, by UUID

fail() {
  printf 'discover_gpus.sh: %s\n' "$*" >&2
  exit 1
}

main() {
  local size=${MIND_GPUS_PER_EXECUTOR:-} claims=${MIND_GPU_CLAIMS:-/tmp/mind-$UID/gpus} started
  if [[ -n $size && ! $size =~ ^[1-9][0-9]{0,3}$ ]]; then
    fail "MIND_GPUS_PER_EXECUTOR is '$size', expected a whole number from 1, or unset for all GPUs"
  fi
  started=$(start_of "$PPID")
  [[ -n $started ]] || fail "the process that asked, pid $PPID, has ended"

  list_host
  list_entries
  lock "$claims"
  read_claims "$claims" "$PPID-$started"
  choose "$size"
  write_claim "$claims" "$PPID-$started"
  print_chosen
}

# Fills UUIDS.
list_host() {
  local listing index uuid
  command -v nvidia-smi >/dev/null || fail "no nvidia-smi on the PATH of $HOSTNAME ($PATH):" \
    "install NVIDIA's driver there, add its folder to PATH (spark.executorEnv.PATH), or ask for no" \
    "GPUs (spark.executor.resource.gpu.amount)"
  listing=$(timeout "$PATIENCE" nvidia-smi --query-gpu=index,uuid --format=csv,noheader 2>&1) ||
    fail "nvidia-smi fails on $HOSTNAME with '$listing': mend the driver or exclude this host"
  while IFS=', ' read -r index uuid; do
    # It may warn between the rows.
    if [[ $index =~ ^[0-9]+$ && $uuid == GPU-* ]]; then UUIDS[$index]=$uuid; fi
  done <<<"$listing"
  ((${#UUIDS[@]} > 0)) || fail "nvidia-smi shows no GPU on $HOSTNAME: it says '$listing'"
}

# Fills ENTRIES and PHYSICAL.
list_entries() {
  local entry listed
  if [[ -n ${CUDA_VISIBLE_DEVICES+set} ]]; then
    listed=${CUDA_VISIBLE_DEVICES// /}
  else
    listed=$(printf '%s\n' "${!UUIDS[@]}" | sort -n | paste -s -d , -)
  fi
  while IFS= read -r entry; do
    # CUDA itself stops at the first entry that is none; -1 is how people hide all GPUs.
    if [[ -z $entry || $entry == -* ]]; then break; fi
    [[ $entry =~ ^[A-Za-z0-9/_-]+$ ]] ||
      fail "CUDA_VISIBLE_DEVICES holds '$entry', expected an index or a UUID such as GPU-8932f937"
    ENTRIES+=("$entry")
    PHYSICAL+=("$(physical_gpu "$entry")")
  done <<<"${listed//,/$'\n'}"
  ((${#ENTRIES[@]} > 0)) || fail "CUDA_VISIBLE_DEVICES is '$CUDA_VISIBLE_DEVICES', which hides" \
    "all GPUs of $HOSTNAME: unset it or name some"
}

# The UUID of an entry; the entry itself where nvidia-smi does not know it, as of a MIG device.
physical_gpu() {
  local uuid
  if [[ $1 == GPU-* ]]; then
    for uuid in "${UUIDS[@]}"; do
      # CUDA accepts the head of a UUID.
      if [[ $uuid == "$1"* ]]; then printf '%s' "$uuid" && return; fi
    done
  fi
  printf '%s' "${UUIDS[$1]:-$1}"
}

# When a process started, in clock ticks since boot; nothing if it has ended.
start_of() {
  local line fields
  line=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  # The second field is the program's name in parentheses, which may hold blanks and parentheses.
  read -ra fields <<<"${line##*) }"
  if [[ ${fields[0]} != [ZX] ]]; then printf '%s' "${fields[19]}"; fi
}

# Nobody else reads or writes claims until this script ends.
lock() {
  if [[ -z ${MIND_GPU_CLAIMS:-} ]]; then make_private "$(dirname -- "$1")"; fi
  make_private "$1"
  exec 9>"$1/lock"
  flock -w "$PATIENCE" 9 || fail "$1/lock was not free within $PATIENCE seconds: see who holds it" \
    "with 'fuser $1/lock'"
}

make_private() {
  (umask 077 && mkdir -p -- "$1") || fail "cannot make $1: set MIND_GPU_CLAIMS to another folder"
  # A link is refused too: its own mode is 777.
  [[ -O $1 && $(stat -c %a -- "$1") == 700 ]] ||
    fail "$1 is not a folder that only user $UID can enter: remove it or set MIND_GPU_CLAIMS"
}

# Fills HOLDERS and OWN; removes the claims of processes that have ended.
read_claims() {
  local file claim gpu
  for file in "$1"/[0-9]*-[0-9]*; do
    claim=${file##*/}
    if [[ ! -f $file ]]; then
      continue
    elif [[ $(start_of "${claim%%-*}") != "${claim#*-}" ]]; then
      rm -f -- "$file"
    else
      while IFS= read -r gpu; do
        if [[ $claim == "$2" ]]; then OWN[$gpu]=1; else HOLDERS[$gpu]=${claim%%-*}; fi
      done <"$file"
    fi
  done
}

# Fills CHOSEN: what our parent holds, else what is free.
choose() {
  local start position
  choose_own
  if ((${#CHOSEN[@]} > 0 && ${#CHOSEN[@]} == ${1:-${#CHOSEN[@]}})); then return; fi
  CHOSEN=()
  if [[ -z $1 ]]; then
    choose_free 0 "${#ENTRIES[@]}"
  else
    # Aligned, so that the GPUs of one tensor parallel engine are neighbours, as in the host's wiring.
    for ((start = 0; start + $1 <= ${#ENTRIES[@]}; start += $1)); do
      choose_free "$start" "$1"
      if ((${#CHOSEN[@]} == $1)); then return; fi
      CHOSEN=()
    done
  fi
  ((${#CHOSEN[@]} > 0)) || fail_full "$1"
}

choose_own() {
  local position
  for ((position = 0; position < ${#ENTRIES[@]}; position++)); do
    if [[ -n ${OWN[${PHYSICAL[position]}]:-} ]]; then CHOSEN+=("$position"); fi
  done
}

# Those of $2 GPUs from position $1 that nobody else holds.
choose_free() {
  local position
  for ((position = $1; position < $1 + $2; position++)); do
    if [[ -z ${HOLDERS[${PHYSICAL[position]}]:-} ]]; then CHOSEN+=("$position"); fi
  done
}

fail_full() {
  local position holder state=""
  for ((position = 0; position < ${#ENTRIES[@]}; position++)); do
    holder=${HOLDERS[${PHYSICAL[position]}]:-}
    state+="GPU ${ENTRIES[position]} is ${holder:+held by pid }${holder:-free}, "
  done
  fail "no ${1:+whole block of $1 }free GPU${1:+s} on $HOSTNAME: ${state%, }. Expected positions" \
    "${1:+k*$1 to k*$1+$(($1 - 1)) }of this list: run fewer executors on a host, ask for fewer GPUs" \
    "each (MIND_GPUS_PER_EXECUTOR and spark.executor.resource.gpu.amount), or end those processes"
}

# Renamed into place: a claim is there with all of its GPUs or not at all.
write_claim() {
  local position
  for position in "${CHOSEN[@]}"; do
    printf '%s\n' "${PHYSICAL[position]}"
  done >"$1/new"
  mv -f -- "$1/new" "$1/$2"
}

print_chosen() {
  local position addresses=""
  for position in "${CHOSEN[@]}"; do
    addresses+="\"${ENTRIES[position]}\","
  done
  printf '{"name": "gpu", "addresses": [%s]}\n' "${addresses%,}"
}

main
