#!/usr/bin/env bash
# Does the wheel alone do the job? Builds it, installs it with the pins into a new environment in an empty folder, starts a Prefect server and
# a worker there, deploys the record that the wheel carries, and buys one number from the simulator. The simulator's ledger judges.
# The packages and the commands are those of the image (containers/), which nobody can build here.
#
#   bash .ci/wheel_smoke.sh [PYTHON]     PYTHON builds the wheel and makes the environment; default .venv/bin/python
#
# Needs two minutes and nothing else: ports are free ones on 127.0.0.1, everything is stopped and removed at the end.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
python=${1:-$root/.venv/bin/python}
place=$(mktemp -d)
started=()

finish() {
  code=$?
  for pid in "${started[@]}"; do kill -TERM "-$pid" 2>/dev/null || true; done
  for pid in "${started[@]}"; do
    for _ in $(seq 50); do kill -0 "-$pid" 2>/dev/null || break; sleep 0.2; done
    kill -KILL "-$pid" 2>/dev/null || true
  done
  if [ "$code" -ne 0 ]; then
    echo "wheel smoke: FAILED ($code); the ends of its logs:" >&2
    tail -n 25 "$place"/*.log >&2 || true
  fi
  rm -rf "$place"
  exit "$code"
}
trap finish EXIT

# A process group of its own, so that what it starts is stopped with it. stdin from nowhere: nothing may ask.
start() {
  log=$1; shift
  setsid "$@" > "$place/$log" 2>&1 < /dev/null &
  started+=($!)
}

free_port() { "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

until_true() {
  what=$1; shift
  for _ in $(seq 300); do if "$@" > /dev/null 2>&1; then return; fi; sleep 0.4; done
  echo "wheel smoke: waited in vain for $what" >&2
  return 1
}

# The account, the journal and Prefect of whoever calls this are none of our business.
for name in $(compgen -e | grep -E '^(SINCH_|NUMBERFLOW_|PREFECT_|PYTHON|VIRTUAL_ENV)' || true); do unset "$name"; done
export DO_NOT_TRACK=1 PREFECT_SERVER_ANALYTICS_ENABLED=false PREFECT_HOME=$place/prefect NUMBERFLOW_HOME=$place/numberflow

echo "1. Build the wheel and install it, with the pins, into an empty environment"
"$python" -m build --wheel --outdir "$place/dist" . > "$place/build.log" 2>&1
"$python" -m venv "$place/venv"
"$place/venv/bin/python" -m pip --disable-pip-version-check --quiet install --require-hashes -r requirements-image.txt > "$place/pip.log" 2>&1
"$place/venv/bin/python" -m pip --disable-pip-version-check --quiet install --no-deps "$place"/dist/*.whl >> "$place/pip.log" 2>&1

mkdir "$place/empty"
cd "$place/empty"
export PATH=$place/venv/bin:$PATH
site=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
imported=$(python -c 'import numberflow; print(numberflow.__file__)')
case $imported in "$site"/*) ;; *) echo "wheel smoke: numberflow is imported from $imported" >&2; exit 1 ;; esac

# What a container of this service runs.
image() { python "$root/.ci/image_command.py" "$1"; }

echo "2. Simulator, Prefect server, work pool, worker"
start simulator.log $(image simulator) --host 127.0.0.1 --port 0 --control-port 0 --active 0
until_true "the simulator" grep -q SINCH_NUMBERS_URL "$place/simulator.log"
eval "$(grep '^export ' "$place/simulator.log")"
control=$(grep -o 'control surface on http://[0-9.:]*' "$place/simulator.log" | grep -o 'http.*[0-9]')
port=$(free_port)
export PREFECT_API_URL=http://127.0.0.1:$port/api
start server.log env PREFECT_SERVER_API_HOST=127.0.0.1 PREFECT_SERVER_API_PORT="$port" PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED=true \
  PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE=prefect.server.concurrency.lease_storage.filesystem \
  $(image prefect-server)
get() { python -c 'import sys, httpx; print(httpx.get(sys.argv[1], timeout=10).raise_for_status().text)' "$1"; }
until_true "the Prefect server" get "$PREFECT_API_URL/health"
$(image setup) > "$place/setup.log" 2>&1
health=$(free_port)
start worker.log env PREFECT_WORKER_QUERY_SECONDS=1 PREFECT_WORKER_WEBSERVER_HOST=127.0.0.1 PREFECT_WORKER_WEBSERVER_PORT="$health" $(image worker)
worker=${started[-1]}
until_true "the worker" get "http://127.0.0.1:$health/health"

echo "3. Buy one number on the worker"
prefect --no-prompt deployment run search-and-rent/search-and-rent --watch \
  --param region_code=US --param quantity=1 --param 'max_today="10.00"' --param 'max_monthly="10.00"' --param reference=SMOKE-1 \
  > "$place/run.log" 2>&1

charged=$(get "$control/charges" | python -c 'import json, sys; print(json.load(sys.stdin)["rentals"])')
journal=$(numberflow journal list --reference SMOKE-1 --json | python -c 'import json, sys; print([row["state"] for row in json.load(sys.stdin)])')
echo "4. asked 1, charged $charged, the journal says $journal"
[ "$charged" = 1 ]
[ "$journal" = "['done']" ]

echo "5. The clock of a server that \`up\` did not start: next runs are planned, and none of its services failed"
numberflow setup --check >> "$place/setup.log" 2>&1
next_runs() { numberflow doctor > "$place/doctor.log" || true; grep -E '^ok +schedules +next runs: .*follow-orders 2' "$place/doctor.log"; }
until_true "next runs of the schedules" next_runs
python -c 'import sys; from pathlib import Path; from numberflow.cli.server_log import ServerLog
sys.exit("\n".join(map(str, ServerLog(Path(sys.argv[1])).errors())) or 0)' "$place/server.log"

echo "6. The worker is stopped by SIGTERM; a run by itself, as a job of Kubernetes is; the receiver"
kill -TERM "$worker"
until_true "the end of the worker" sh -c "! kill -0 $worker"
prefect --no-prompt deployment run search-and-rent/search-and-rent \
  --param region_code=US --param quantity=1 --param 'max_today="10.00"' --param 'max_monthly="10.00"' --param reference=SMOKE-1 \
  > "$place/again.log" 2>&1
again=$(grep -oE '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}' "$place/again.log" | head -n 1)
PREFECT__FLOW_RUN_ID=$again $(image run) > "$place/job.log" 2>&1
state=$(get "$PREFECT_API_URL/flow_runs/$again" | python -c 'import json, sys; print(json.load(sys.stdin)["state_name"])')
charged=$(get "$control/charges" | python -c 'import json, sys; print(json.load(sys.stdin)["rentals"])')
echo "   the same reference again: $state, charged $charged"
[ "$state" = Completed ]
[ "$charged" = 1 ]
inbox=$(free_port)
start receiver.log $(image receiver) --host 127.0.0.1 --port "$inbox"
until_true "the receiver" get "http://127.0.0.1:$inbox/health"
echo "wheel smoke: the wheel alone rented one number on a worker, and one was charged"
