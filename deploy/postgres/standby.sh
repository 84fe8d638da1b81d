#!/bin/sh
# Serve as the standby of $PRIMARY, as a copy of it that is made at the first start.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  export PGPASSWORD="$POSTGRES_PASSWORD"
  pg_basebackup --dbname="$PRIMARY" --pgdata="$PGDATA" --write-recovery-conf --wal-method=stream \
    --checkpoint=fast
  unset PGPASSWORD
fi
exec postgres
