-- What an item was made of: the record as it was read and the mapping it was read with, as one number; 0 for what was not read. While such an
-- item waits, or after a person dropped it, the same makes no other.
set local search_path to casebridge;

alter table parked add seen bigint not null default 0;
create index parked_seen on parked(sys, rec, lid) where seen <> 0 and status in ('open', 'dropped');
