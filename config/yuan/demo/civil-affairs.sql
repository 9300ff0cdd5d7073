-- 区民政局 老年人优待证：示例部门业务库（PostgreSQL）。
-- The department's own system, as it is: its tables, its habits and its triggers. It knows nothing of Casebridge.
-- Run once in an empty database in UTF-8. All people in it are fictional.

-- 库里的时间都是本地时间，没有时区
do $$ begin execute format('alter database %I set timezone to ''Asia/Shanghai''', current_database()); end $$;

create sequence ydz_sbh;

-- 申请
create table ydz_sq (
	id    integer generated always as identity,
	sbh   varchar(20) primary key,              -- 申报号, e.g. YDZ20180702001
	xm    varchar(20) not null                  -- 姓名: 20 bytes, as the terminal's database counts them
	      constraint xm_20_bytes_gbk check (octet_length(convert_to(xm, 'GBK')) <= 20),
	xb    char(1) check (xb in ('男', '女')),    -- 性别
	sfzh  varchar(18) not null,                 -- 身份证号: 15 or 18 characters, x or X, as it was typed
	csrq  varchar(10),                          -- 出生日期: '1950.3.7'
	hkdz  varchar(100),                         -- 户口地址
	lxdh  varchar(20),                          -- 联系电话
	ydzlx smallint check (ydzlx in (1, 2, 3)),  -- 优待证类型: 1 60-69岁, 2 70岁以上, 3 外地常住
	zp    bytea,                                -- 照片
	sqrq  timestamp(0),                         -- 申请日期
	slrq  timestamp(0),                         -- 受理日期
	zt    smallint not null default 0           -- 状态: 0 收件, 1 待审, 2 已制证, 3 已领, 4 退回
	      check (zt between 0 and 4),
	thyy  varchar(200),                         -- 退回原因
	lzrq  varchar(10),                          -- 领证日期: '2018.7.9'
	zzbh  varchar(20),                          -- 证书编号
	czy   varchar(20) not null,                 -- 操作员
	pym   varchar(40),                          -- 检索码: made by the system itself, from the name's length and the number's tail
	rv    xid8 not null default pg_current_xact_id()
);

-- 同一身份证号不得同时有两个在办申请
create unique index ydz_sq_open on ydz_sq (upper(sfzh)) where zt in (0, 1);
create index ydz_sq_rv on ydz_sq (rv, sbh);

-- 办理流程
create table ydz_lc (
	sbh  varchar(20) not null references ydz_sq,
	xh   smallint not null,                     -- 序号
	hjmc varchar(40) not null,                  -- 环节名称
	clr  varchar(20),                           -- 处理人
	clyj varchar(200),                          -- 处理意见
	jg   smallint,                              -- 结果: 1 通过, 0 退回
	kssj timestamp(0),                          -- 开始时间
	jssj timestamp(0),                          -- 结束时间
	primary key (sbh, xh)
);

-- 每次插入或更新都换行版本（相当于 rowversion），并由系统自己维护检索码和缺省的优待证类型
create function ydz_sq_touch() returns trigger language plpgsql set timezone to 'Asia/Shanghai' as $$
begin
	new.rv := pg_current_xact_id();
	new.pym := char_length(new.xm) || '-' || right(new.sfzh, 4);
	if new.ydzlx is null and new.csrq ~ '^\d{4}' then
		new.ydzlx := case when extract(year from coalesce(new.sqrq, localtimestamp)) - left(new.csrq, 4)::int >= 70 then 2 else 1 end;
	end if;
	if new.zt = 1 and new.slrq is null then
		new.slrq := localtimestamp;
	end if;
	return new;
end $$;
create trigger ydz_sq_touch before insert or update on ydz_sq for each row execute function ydz_sq_touch();

-- 状态变化时，系统自己记一条流程
create function ydz_sq_step() returns trigger language plpgsql set timezone to 'Asia/Shanghai' as $$
begin
	insert into ydz_lc (sbh, xh, hjmc, clr, clyj, jg, kssj, jssj)
	values (new.sbh, (select coalesce(max(xh), 0) + 1 from ydz_lc where sbh = new.sbh),
		case new.zt when 1 then '受理' when 2 then '制证' when 3 then '领证' when 4 then '退回' else '收件' end,
		new.czy, new.thyy, case new.zt when 4 then 0 else 1 end, localtimestamp, localtimestamp);
	return null;
end $$;
create trigger ydz_sq_step after update of zt on ydz_sq for each row when (old.zt is distinct from new.zt) execute function ydz_sq_step();

-- 流程变化也算申请的变化
create function ydz_lc_touch() returns trigger language plpgsql as $$
begin
	update ydz_sq set rv = pg_current_xact_id() where sbh = new.sbh;
	return null;
end $$;
create trigger ydz_lc_touch after insert or update on ydz_lc for each row execute function ydz_lc_touch();

-- 有变化就通知，谁在听就告诉谁
create function ydz_notify() returns trigger language plpgsql as $$
begin
	notify ydz_sq;
	return null;
end $$;
create trigger ydz_notify after insert or update or delete on ydz_sq for each statement execute function ydz_notify();
