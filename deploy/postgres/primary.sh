#!/bin/sh
# Prepare a new PostgreSQL for a bureau and its standby; the image of PostgreSQL runs it once, on an
# empty data folder. The setting for the standby counts from the next start on: until then nothing
# waits for a standby that cannot be there.
set -eu
psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres \
  --set=bureau="$BUREAU_DB_PASSWORD" --set=standby="$POSTGRES_PASSWORD" <<'SQL'
CREATE ROLE bureau LOGIN PASSWORD :'bureau';
-- `bureau doctor` looks whether a standby is attached.
GRANT pg_monitor TO bureau;
CREATE DATABASE bureau OWNER bureau;
CREATE ROLE standby LOGIN REPLICATION PASSWORD :'standby';
-- The standby copies both: once promoted it acknowledges nothing without a standby of its own.
ALTER SYSTEM SET synchronous_standby_names = '*';
ALTER SYSTEM SET wal_keep_size = '1GB';
SQL
echo 'host replication standby all scram-sha-256' >> "$PGDATA/pg_hba.conf"
