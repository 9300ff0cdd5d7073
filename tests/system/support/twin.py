"""A site of two PostgreSQL systems that keep the same cases: a department `a` and a portal-like `b`.

Small on purpose: what the bridge does between two systems shows best where both can be looked into with SQL.
"""

import psycopg

from .casebridge import Casebridge
from .paths import SOURCE
from .waiting import wait_for

TABLE = """
create sequence {name}_seq;
create table {name}_sq (
    sbh varchar(20) primary key, other_no varchar(40), xm varchar(60) not null, sfzh varchar(18), lxdh varchar(20), dz varchar(100),
    zt varchar(2) not null, zzbh varchar(40), slsj timestamp(0), rv xid8 not null default pg_current_xact_id());
create index on {name}_sq (rv);
create function {name}_touch() returns trigger language plpgsql as $$ begin new.rv := pg_current_xact_id(); return new; end $$;
create trigger {name}_touch before insert or update on {name}_sq for each row execute function {name}_touch();
create function {name}_tell() returns trigger language plpgsql as $$ begin notify {name}_sq; return null; end $$;
create trigger {name}_tell after insert or update or delete on {name}_sq for each statement execute function {name}_tell();
"""

SYSTEM = """
system: {name}
title: {title}
role: {role}
connector: postgres
start_live: true
lease: 4s
gone_after: 500ms
connection:
  dsn: "{dsn}"
  timezone: Asia/Shanghai
  listen: {name}_sq
records:
  application:
    root: {{ table: {name}_sq, key: sbh }}
    read: {{ every: 200ms, cursor: rv, sweep: always, sweep_every: 1s }}
    write: {{ create: true, update: [xm, sfzh, lxdh, dz, zt, zzbh, other_no] }}
    required: [xm, zt]
    match: [{match}]
    case:
      {own_no}: sbh
      {other_no}: other_no
      applicant.name: xm
      applicant.cert_no: {{ column: sfzh, as: citizen-id }}
      applicant.mobile: lxdh
      applicant.address: dz
      status: {{ column: zt, codes: {{ "0": RECEIVED, "1": ACCEPTED, "2": FINISHED, "4": NOTACCEPTED }} }}
      result.cert_no: zzbh
    on_create:
      sbh: {{ generate: "'{letter}' || nextval('{name}_seq')" }}
"""


class Twin:
    """Two departments' databases, a ledger, and the product between them."""

    def __init__(self, tmp_path, processes, kafka, new_database, topic_prefix):
        self.a, self.b, self.ledger = new_database(), new_database(), new_database()
        self.folder = tmp_path / "site"
        (self.folder / "systems").mkdir(parents=True)
        (self.folder / "site.yaml").write_text(
            f"name: twin\ntitle: 双系统\ntopic_prefix: {topic_prefix}\nschemas: {SOURCE / 'schemas'}\n"
            f"ledger: {{ dsn: \"{self.ledger.dsn}\" }}\nkafka: {{ bootstrap.servers: \"{kafka.bootstrap}\" }}\n")
        self._system("a", "部门", "department", "dept_case_no", "portal_case_no", self.a)
        self._system("b", "门户", "portal", "portal_case_no", "dept_case_no", self.b)
        self.casebridge = Casebridge(processes, {})
        self.process = None

    def join(self, name, title, database, **lines):
        """A further department's system comes to the site, with its own number and these lines of its file changed or (None) left out."""
        setattr(self, name, database)
        self._system(name, title, "department", "accept_doc_no", "dept_case_no", database)
        file = self.folder / "systems" / f"{name}.yaml"
        kept = [line for line in file.read_text().splitlines() if line.split(":")[0] not in lines]
        kept += [f"{key}: {value}" for key, value in lines.items() if value is not None]
        file.write_text("\n".join(kept) + "\n")

    def _system(self, name, title, role, own_no, other_no, database):
        database.execute(TABLE.format(name=name))
        (self.folder / "systems" / f"{name}.yaml").write_text(SYSTEM.format(
            name=name, title=title, role=role, own_no=own_no, other_no=other_no, match="dept_case_no, portal_case_no",
            letter=name.upper(), dsn=database.dsn))

    def start(self):
        self.casebridge.run("ledger", "migrate", self.folder)
        self.casebridge.run("topics", "apply", self.folder)
        self.process = self.casebridge.start("casebridge", "run", self.folder)
        return self

    def insert(self, name, **columns):
        names, values = ", ".join(columns), ", ".join(["%s"] * len(columns))
        getattr(self, name).execute(f"insert into {name}_sq ({names}) values ({values})", *columns.values())

    def update(self, name, sbh, **columns):
        sets = ", ".join(f"{c} = %s" for c in columns)
        getattr(self, name).execute(f"update {name}_sq set {sets} where sbh = %s", *columns.values(), sbh)

    def row(self, name, where, *values):
        """The only row of a system that fits, as a dict; None when there is none."""
        columns = ["sbh", "other_no", "xm", "sfzh", "lxdh", "dz", "zt", "zzbh"]
        rows = getattr(self, name).rows(f"select {', '.join(columns)} from {name}_sq where {where}", *values)
        assert len(rows) <= 1, rows
        return dict(zip(columns, rows[0])) if rows else None

    def wait_row(self, name, where, *values, timeout=30, **expected):
        """Waits until the row is there and shows these values."""
        def there():
            row = self.row(name, where, *values)
            return row if row and all(row[k] == v for k, v in expected.items()) else None
        return wait_for(there, timeout=timeout, what=f"{name}: {where} {values} with {expected}", or_died=[self.process])

    def patiently(self, look):
        """`look` for wait_for: a server that is just coming back means "not yet"."""
        def looking():
            try:
                return look()
            except psycopg.OperationalError as error:
                raise LookupError(str(error)) from None
        return looking

    def quiet(self, timeout=60):
        """Nothing is on its way any more."""
        @self.patiently
        def idle():
            return self.ledger.rows("select count(*) from casebridge.links where inflight is not null or due")[0][0] == 0
        wait_for(idle, timeout=timeout, what="nothing in flight", or_died=[self.process])
