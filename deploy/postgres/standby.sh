#!/bin/sh
# Serve as the standby of $PRIMARY, as a copy of it that is made at the first start. A copy that was
# cut short is not served: it is made again beside the data folder, and moved there when it is whole.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  rm -rf "$PGDATA.new"
  if [ -d "$PGDATA" ]; then rmdir "$PGDATA"; fi
  export PGPASSWORD="$POSTGRES_PASSWORD"
  pg_basebackup --dbname="$PRIMARY" --pgdata="$PGDATA.new" --write-recovery-conf \
    --wal-method=stream --checkpoint=fast
  unset PGPASSWORD
  mv "$PGDATA.new" "$PGDATA"
fi
exec postgres
