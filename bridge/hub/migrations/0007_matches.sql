-- First contact: cases of two systems that may be one. Pairs are proposed by a comparison (casebridge match find) and decided by orders.
set local search_path to casebridge;

create table candidates (                  -- 疑似同一办件
	id bigint primary key generated always as identity,
	sys smallint not null,                 -- the system that was compared, and its record
	rec text collate "C" not null,
	lid text collate "C" not null,
	cid uuid not null,                     -- the case that has this record alone
	other_sys smallint not null,           -- of the other case: one of its records
	other_rec text collate "C" not null,
	other_lid text collate "C" not null,
	other uuid not null,
	verdict text not null,                 -- certain | likely
	weight int not null,
	why text not null,                     -- what speaks for it and against it
	status text not null default 'open',   -- open | accepted | rejected | passed (another decision left nothing to decide)
	at timestamptz not null default now(),
	resolved_at timestamptz,
	resolved_by text,
	resolution text
);
create unique index candidates_pair on candidates(least(cid, other), greatest(cid, other));
create index candidates_cid on candidates(cid);
create index candidates_other on candidates(other);

create table matchings (                   -- when a system was compared last
	sys smallint primary key,
	at timestamptz not null default now(),
	records bigint not null,               -- of it, that stood alone
	others bigint not null,                -- cases they were compared with
	seen json not null                     -- system -> position of its topic: what was there
);

-- What is left to look at before a system on trial may go live.
create view reviews as
select s.id as sys, s.code, m.sys is not null as compared,
	exists (select from links l where l.sys <> s.id and l.lid is not null
		and not exists (select from links o where o.cid = l.cid and o.sys = s.id and o.lid is not null)) as others,
	exists (select from links l where l.sys = s.id and l.lid is not null
		and not exists (select from links o where o.cid = l.cid and o.sys <> s.id and o.lid is not null)) as records,
	(select count(*) from candidates c where c.status = 'open' and (c.sys = s.id or c.other_sys = s.id)) as pairs,
	(select count(*) from json_each_text(m.seen) e(code, pos)
		join systems t on t.code = e.code
		join history h on h.sys = t.id and h.pos >= e.pos::int8 and h.ver = 1
		join links l on l.cid = h.cid and l.sys = s.id
		where (select count(*) from links o where o.cid = h.cid and o.lid is not null) = 1) as unseen
from systems s left join matchings m on m.sys = s.id
where s.state = 'trial';

-- A case that is merged into another one takes what refers to it along.
drop index parked_cid;
create index parked_case on parked(cid) where cid is not null;

alter table orders add match bigint, add merged uuid;  -- merged: the case that is no more, or (split) the one that was taken apart
