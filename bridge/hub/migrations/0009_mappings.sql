-- What each field of a mapping meant when its cases were last brought in line with it, so that a change can be seen and shown.
set local search_path to casebridge;

create table mappings (
	system text not null,
	record text not null,
	field text not null,                   -- of the case; '' = the record itself was noted
	hash text not null,
	at timestamptz not null default now(),
	primary key (system, record, field)
);
