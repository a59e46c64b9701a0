#!/bin/sh
# Prints --max-old-space-size for a process that runs in a container (a cgroup, v1 or v2) with a memory limit; nothing without one, or
# where NODE_OPTIONS has it. V8 takes less than a container has, whatever its size. Half of it is left to what is not in V8's heap:
# code, buffers, threads and processes of jobs. An API has a bounded amount of these (see BODY_BUDGET_BYTES), so 256 MB are enough.
# usage: heap-limit.sh api|worker [<mount of cgroups> [<groups of the process>]]
role=$1
mount=${2:-/sys/fs/cgroup}
groups=${3:-/proc/self/cgroup}
case ${NODE_OPTIONS:-} in *max-old-space-size* | *max_old_space_size*) exit 0 ;; esac
[ -r "$groups" ] || exit 0

limit=
# Takes the limit in a file, in MB, if it is the smallest. Without a limit a file has `max` (v2) or 9223372036854771712 (v1).
consider() {
  [ -r "$1" ] && read -r bytes < "$1" || return 0
  case $bytes in '' | *[!0-9]* | ????????????????*) return 0 ;; esac
  mb=$((bytes / 1048576))
  if [ -z "$limit" ] || [ "$mb" -lt "$limit" ]; then limit=$mb; fi
}

while IFS=: read -r _ controllers path; do
  case ,$controllers, in
    ,,) folder=$mount file=memory.max ;;
    *,memory,*) folder=$mount/memory file=memory.limit_in_bytes ;;
    *) continue ;;
  esac
  # The limits of the groups above hold, too. In a container its own group is the root.
  while [ -n "$path" ]; do
    consider "$folder$path/$file"
    path=${path%/*}
  done
  consider "$folder/$file"
done < "$groups"

[ -n "$limit" ] || exit 0
heap=$((limit / 2))
if [ "$role" = api ] && [ $((limit - 256)) -gt "$heap" ]; then heap=$((limit - 256)); fi
# V8's own limit on a large machine. It takes less by itself where the container has less than 16 GB.
[ "$heap" -le 4096 ] || heap=4096
echo "--max-old-space-size=$heap"
