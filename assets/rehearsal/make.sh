#!/bin/sh
# Makes the dump files of the rehearsals anew, with a real server:
#   su postgres -c 'sh make.sh /usr/lib/postgresql/15/bin OUT'
# BIN is where initdb, postgres and pg_dump lie; OUT is a folder to write to. The tables are those of Canton and of Splice as far as
# a proof looks at them; the rows are made up, and hold no key.
set -eu
bin=$1 out=$2
work=$(mktemp -d)
trap '"$bin/pg_ctl" -D "$work/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$work"' EXIT
export TZ=UTC PGTZ=UTC LC_ALL=C PGHOST="$work" PGUSER=cnadmin
"$bin/initdb" -D "$work/data" -U cnadmin -A trust --no-sync >/dev/null
"$bin/pg_ctl" -D "$work/data" -w -l "$work/log" -o "-k $work -c listen_addresses= -c fsync=off" start >/dev/null

load() { "$bin/createdb" "$1"; "$bin/psql" -q -v ON_ERROR_STOP=1 -d "$1" -f -; }
app() {
    cat <<SQL
create schema $1;
create table $1.store_last_ingested_offsets (store_id int not null, migration_id bigint not null, last_ingested_offset text, primary key (store_id, migration_id));
insert into $1.store_last_ingested_offsets values (1, 0, lpad(to_hex($2), 18, '0')), (2, 0, lpad(to_hex($2 - 1), 18, '0'));
SQL
}
load participant_0 <<'SQL'
create schema participant;
create table participant.lapi_parameters (ledger_end bigint, participant_id varchar not null, participant_pruned_up_to_inclusive bigint,
  ledger_end_sequential_id bigint, ledger_end_string_interning_id integer, ledger_end_publication_time bigint);
insert into participant.lapi_parameters values (812345, 'Acme-SV::1220rehearsal', 400000, 900000, 12, 1760000000000000);
SQL
app sv 812340 | load cantonnet_sv
app scan 812338 | load cantonnet_scan
app validator 812341 | load cantonnet_validator
app scan 812399 | load ahead
load sequencer_0 <<'SQL'
create schema sequencer;
create table sequencer.sequencer_members (member varchar primary key, id serial unique, registered_ts bigint not null, enabled bool not null default true);
create table sequencer.sequencer_lower_bound (single_row_lock char(1) not null default 'X' primary key, ts bigint not null);
create table sequencer.seq_block_height (height bigint primary key, latest_event_ts bigint not null, latest_sequencer_event_ts bigint);
create table sequencer.sequencer_synchronizer_configuration (lock char(1) not null default 'X' primary key, synchronizer_id varchar not null);
insert into sequencer.sequencer_members (member, registered_ts) values ('PAR::Acme-SV::1220rehearsal', 1760000000000000);
insert into sequencer.sequencer_synchronizer_configuration (synchronizer_id) values ('global-domain::1220rehearsal');
SQL
load mediator_0 <<'SQL'
create schema mediator;
create table mediator.mediator_synchronizer_configuration (lock char(1) not null default 'X' primary key, synchronizer_id varchar not null);
create table mediator.med_response_aggregations (request_id bigint not null primary key, verdict bytea not null);
insert into mediator.mediator_synchronizer_configuration (synchronizer_id) values ('global-domain::1220rehearsal');
SQL
for db in participant_0 cantonnet_sv cantonnet_scan cantonnet_validator sequencer_0 mediator_0; do
    "$bin/pg_dump" -Fc "$db" > "$out/$db.dump"
done
"$bin/psql" -q -d postgres -c 'drop database cantonnet_scan' -c 'alter database ahead rename to cantonnet_scan'
"$bin/pg_dump" -Fc cantonnet_scan > "$out/ahead.dump"
