-- Orders of people: each counts once, and what became of it is kept. A version that a person made has system 0, which no system has.
set local search_path to casebridge;

create table orders (
	id text collate "C" primary key,
	kind text not null,                    -- take | keep | correct | drop | retry
	person text not null,
	why text not null,
	sys smallint,                          -- systems
	cid uuid,                              -- cases
	parked bigint,
	conflict bigint,
	place text,
	ver int,                               -- version of the case that came of it
	outcome text not null,                 -- done, or why it was not followed
	pos bigint not null,                   -- on the ctl topic
	at timestamptz not null
);
create index orders_pos on orders(pos);
create index orders_cid on orders(cid) where cid is not null;

alter table history add person text, add why text, add order_id text;

-- Whose value lost, when a person had entered it.
alter table conflicts add lost_by text;
