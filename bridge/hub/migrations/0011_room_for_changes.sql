-- What a change writes: a new version of a row that fits on its page is logged as what differs from the old one, from the first byte that
-- does to the last. So what changes stands together, the long text that mostly stays comes last, and there is room for it.
set local search_path to casebridge;

drop view reviews;
alter table parked drop constraint parked_cid_fkey;
alter table conflicts drop constraint conflicts_cid_fkey;

alter table cases rename to cases_before;
alter index cases_pkey rename to cases_before_pkey;
create table cases (
	cid uuid primary key,
	created_at timestamptz not null,
	updated_at timestamptz not null,
	ver int not null,
	had text[] not null default '{}',      -- status codes it has had
	fver text not null,                    -- place -> version in which it last changed
	doc text not null                      -- the canonical case, as published
) with (fillfactor = 50);
insert into cases(cid, created_at, updated_at, ver, had, fver, doc)
select cid, created_at, updated_at, ver, had, fver, doc from cases_before order by cid;
drop table cases_before;
alter table parked add constraint parked_cid_fkey foreign key (cid) references cases;
alter table conflicts add constraint conflicts_cid_fkey foreign key (cid) references cases;

alter table links rename to links_before;
alter index links_pkey rename to links_before_pkey;
drop index links_lid, links_due, links_inflight;
create table links (                       -- 对照: case <-> record
	cid uuid not null,                     -- cases
	sys smallint not null,                 -- systems
	rec text collate "C" not null,
	based int not null default 0,          -- systems.restores when the record was last read
	n bigint not null default 0,           -- last delivery
	due boolean not null default false,    -- something waits to be sent
	state text not null,                   -- idle inflight rejected parked pending gone matched
	lid text collate "C",                  -- system's own number
	ref text,
	inflight text,
	tries text,                            -- re-assertions per place
	held text not null,                    -- place -> case version it is known to hold
	shadow text not null,                  -- what the system is known to hold
	primary key (cid, sys, rec)
) with (fillfactor = 60);
insert into links(cid, sys, rec, based, n, due, state, lid, ref, inflight, tries, held, shadow)
select cid, sys, rec, based, n, due, state, lid, ref, inflight, tries, held, shadow from links_before order by cid;
drop table links_before;
create unique index links_lid on links(sys, rec, lid) where lid is not null;
create index links_due on links(sys, cid, rec) where due;  -- in the order they are taken in
create index links_inflight on links(sys) where inflight is not null;

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

-- The cause of a history row: rows come in the order of positions.
drop index history_cause;
create index history_cause on history using brin (sys, pos) with (autosummarize = on, pages_per_range = 16);
