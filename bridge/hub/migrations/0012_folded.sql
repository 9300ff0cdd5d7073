-- The journal of what was folded (topic PREFIX.folded) has a record of every batch; the newest ones stand here too, for a bridge that dies
-- between the commit and Kafka's acknowledgement. positions has a row of that topic, whose next is the number of batches so far.
set local search_path to casebridge;

create table folded (
	slot smallint primary key,             -- number modulo 4
	c bigint not null,
	record text not null
);
