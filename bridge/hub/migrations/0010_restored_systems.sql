-- What a system held before: when it is restored from a backup, its old content is known again and is nobody's edit.
set local search_path to casebridge;

alter table systems add restores int not null default 0; -- times its data went back
alter table systems add taken bigint not null default 0; -- last epoch that was surely written down there
alter table links add based int not null default 0;      -- systems.restores when the record was last read

create table link_past (                   -- a link's shadow and what it held, when it was replaced
	k bigint primary key generated always as identity,
	cid uuid not null,
	sys smallint not null,
	rec text collate "C" not null,
	shadow text not null,
	held text not null,
	at timestamptz not null default now()
);
create index link_past_link on link_past(cid, sys, rec, k);
create index link_past_at on link_past using brin (at);
