# Sourced by the commands in this folder: where things are, how we talk, and how we start, find and
# stop a server by its process id. Talk goes to stderr, so that a command's stdout is only data.

set -o errexit -o nounset -o pipefail

CASEBRIDGE_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# Downloaded things (jars, Python packages) live here, outside the tree, and survive `git clean`.
CASEBRIDGE_CACHE=${CASEBRIDGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/casebridge}

EXIT_USAGE=64
EXIT_UNAVAILABLE=69

if [[ -t 2 && -z ${NO_COLOR:-} ]]; then
	BOLD=$'\e[1m' RED=$'\e[31m' GREEN=$'\e[32m' YELLOW=$'\e[33m' PLAIN=$'\e[0m'
else
	BOLD='' RED='' GREEN='' YELLOW='' PLAIN=''
fi

step() { printf '%s==> %s%s\n' "$BOLD" "$*" "$PLAIN" >&2; }
say() { printf '    %s\n' "$*" >&2; }
notice() { printf '%s    %s%s\n' "$YELLOW" "$*" "$PLAIN" >&2; }

# die EXIT ENGLISH CHINESE: both languages, since whoever sets a machine up may read either.
die() {
	printf '%serror: %s%s\n%s错误：%s%s\n' "$RED" "$2" "$PLAIN" "$RED" "$3" "$PLAIN" >&2
	exit "$1"
}

usage_error() {
	die "$EXIT_USAGE" "$1 (see ${0##*/} --help)" "$1（用法见 ${0##*/} --help）"
}

# print_help: the comment block at the top of the calling script is its manual.
print_help() {
	sed -n '2,/^[^#]/{/^#/{s/^# \{0,1\}//;p}}' "$0"
}

# Servers keep their data here unless told otherwise. Not in the home folder: when root runs this,
# PostgreSQL runs as the user postgres, who may not look into /root.
default_server_folder() {
	local base
	base=/var/tmp/casebridge-$(id -u)
	mkdir -p -m 755 "$base"
	# /var/tmp is shared: somebody else may have made a folder of this name first.
	[[ -O $base && ! -L $base ]] || die 73 "$base belongs to somebody else; give --dir" \
		"$base 属于其他用户，请用 --dir 指定目录"
	echo "$base/$1"
}

# A process is named by its id and its start time: the id alone may have been given to another
# process since (after a reboot, say), and stopping that one would be a disaster.
started_at() {
	local stat
	{ stat=$(< "/proc/$1/stat"); } 2>/dev/null || return 1
	stat=${stat##*) }
	set -- $stat
	[[ $1 != Z ]] || return 1
	echo "${20}"
}

remember_process() { # PIDFILE PID
	local begun
	begun=$(started_at "$2") || return 1
	echo "$2 $begun" > "$1"
}

# running_process PIDFILE: prints the id if that very process still runs.
running_process() {
	local pid begun
	[[ -r $1 ]] && read -r pid begun < "$1" || return 1
	[[ $(started_at "$pid") == "$begun" ]] && echo "$pid"
}

# wait_until SECONDS COMMAND...: true as soon as the command is; false after the deadline.
wait_until() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < deadline)) || return 1
		sleep 0.05
	done
}

gone() { ! running_process "$1" > /dev/null; }

# end_process PIDFILE SIGNAL SECONDS: signals, waits, and kills what has not gone by then.
end_process() {
	local pid
	pid=$(running_process "$1") || { rm -f "$1"; return 0; }
	kill -"$2" "$pid" 2>/dev/null || true
	if ! wait_until "$3" gone "$1"; then
		notice "process $pid did not stop within $3 s, killing it"
		kill -KILL "$pid" 2>/dev/null || true
		wait_until 10 gone "$1" || return 1
	fi
	rm -f "$1"
}

listening() { (exec 3<> "/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# free_port: below the range the kernel takes for outgoing connections (32768 and up), so that
# nobody can be given this port while our server is down between a kill and a restart.
free_port() {
	local port
	for _ in {1..50}; do
		port=$((RANDOM % 12000 + 20000))
		listening "$port" || { echo "$port"; return 0; }
	done
	die "$EXIT_UNAVAILABLE" "no free port found between 20000 and 32000" \
		"在 20000 到 32000 之间找不到空闲端口"
}
