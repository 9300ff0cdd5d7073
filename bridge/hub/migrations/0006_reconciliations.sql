-- What reconciliations (对账) found, when they were to be kept; the newest of each system is shown by the status.
set local search_path to casebridge;

create table reconciliations (
	id bigint primary key generated always as identity,
	sys smallint not null references systems,
	begun timestamptz not null,
	ended timestamptz not null default now(),
	records bigint not null,               -- compared
	different bigint not null,
	in_flight bigint not null,
	waiting bigint not null,
	classes json not null,                 -- R1 -> records
	add_up boolean not null                -- the counters
);
create index reconciliations_newest on reconciliations(sys, begun desc);
