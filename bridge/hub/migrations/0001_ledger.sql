-- The ledger (台账): the only durable state of the bridge. One transaction per batch writes cases, links and input positions together.
create schema if not exists casebridge;
set local search_path to casebridge;

create table meta (
	one boolean primary key default true check (one),
	incarnation bigint not null,           -- raised at every start of a bridge; in front of every number it gives out
	created_at timestamptz not null default now()
);
insert into meta(incarnation) values (0);

create table systems (
	id smallint primary key generated always as identity,
	code text not null unique,
	state text not null default 'trial',   -- trial | live | paused
	epoch bigint not null default 0,       -- connector incarnation
	nonce text not null default '',
	inc text not null default '',          -- identity of the system's data, changed by a restore
	beat bigint not null default 0,
	last_seq bigint not null default 0,
	cursor json,
	last_contact timestamptz,
	sweep_done timestamptz,
	bye boolean not null default false,
	transactional boolean not null default false,
	counters json not null default '{}'    -- what became of everything read and sent; stored with what it counts
);

create table positions (                   -- the only consumer positions
	topic text primary key,
	next bigint not null,                  -- first offset whose effect is not in this ledger
	published bigint not null              -- outputs of everything below are known to be out
);

create table cases (
	cid uuid primary key,
	ver int not null,
	doc jsonb not null,                    -- the canonical case, as published
	fver json not null,                    -- place -> version in which it last changed
	had text[] not null default '{}',      -- status codes it has had
	created_at timestamptz not null,
	updated_at timestamptz not null
);

-- One writer inserts parent and child rows in the same transaction; a foreign key would cost a look-up per row for what cannot happen.
create table links (                       -- 对照: case <-> record
	cid uuid not null,                     -- cases
	sys smallint not null,                 -- systems
	rec text not null,
	lid text,                              -- system's own number
	state text not null,                   -- idle inflight rejected parked pending gone
	shadow json not null,                  -- what the system is known to hold
	held json not null,                    -- place -> case version it is known to hold
	tries json,                            -- re-assertions per place
	n bigint not null default 0,           -- last delivery
	inflight json,
	ref text,
	due boolean not null default false,    -- something waits to be sent
	primary key (cid, sys, rec)
);
create unique index links_lid on links(sys, rec, lid) where lid is not null;
create index links_due on links(sys, cid, rec) where due;  -- in the order they are taken in
create index links_inflight on links(sys) where inflight is not null;

create table match_keys (
	scheme text not null,
	value text not null,
	cid uuid not null,
	primary key (scheme, value)
);

create table history (                     -- 办件过程
	cid uuid not null,
	ver int not null,
	sys smallint not null,
	delta json not null,                   -- place -> [old, new]
	topic text not null,                   -- the cause
	pos bigint not null,
	at timestamptz not null,
	primary key (cid, ver)
);
create index history_cause on history(topic, pos);

create table conflicts (
	id bigint primary key generated always as identity,
	cid uuid not null references cases,
	sys smallint not null references systems, -- whose value lost
	kind text not null,
	place text not null,
	win json,
	lose json,
	status text not null default 'open',
	topic text not null,
	pos bigint not null,
	at timestamptz not null,
	resolved_at timestamptz,
	resolved_by text,
	resolution text
);
create index conflicts_cid on conflicts(cid);
create index conflicts_open on conflicts(sys) where status = 'open';

create table parked (                      -- 待处理
	id bigint primary key generated always as identity,
	sys smallint not null references systems,
	cid uuid references cases,
	rec text not null,
	lid text not null,
	kind text not null,
	raw bytea,                             -- the original bytes
	code text not null,
	place text not null,
	text_en text not null,
	text_zh text not null,
	next_en text not null,
	next_zh text not null,
	status text not null default 'open',   -- open | superseded | delivered | dropped | retried
	topic text not null,
	pos bigint not null,
	at timestamptz not null,
	tries int not null default 0,
	resolved_at timestamptz,
	resolved_by text,
	resolution text
);
create index parked_open on parked(sys, rec, lid) where status = 'open';
create index parked_cid on parked(cid) where status = 'open';
