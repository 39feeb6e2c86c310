# Takes the orders of an interval out of what the shop has delivered.
set -eu
mkdir -p work
awk -F, -v start="${1:0:19}" -v end="${2:0:19}" '$1 >= start && $1 < end' "inbox/${1:0:10}.csv" > "work/${1:0:10}.csv"
