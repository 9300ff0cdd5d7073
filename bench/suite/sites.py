"""A site of two PostgreSQL systems, written into a folder: department a, where people type, and b, which follows."""

import psycopg
from support.paths import SOURCE

# A mapped column: its name, its SQL type, and the case's field with the words that convert it.
MAPPED = [
    ("xm", "varchar(60) not null", "applicant.name: xm"),
    ("xb", "varchar(2)", 'applicant.sex: { column: xb, codes: { "男": M, "女": F } }'),
    ("sfzh", "varchar(18)", "applicant.cert_no: { column: sfzh, as: citizen-id }"),
    ("csrq", "varchar(10)", 'applicant.birth: { column: csrq, as: "date %Y-%m-%d" }'),
    ("lxdh", "varchar(20)", "applicant.mobile: lxdh"),
    ("dz", "varchar(200)", "applicant.address: dz"),
    ("yb", "varchar(6)", "applicant.postcode: yb"),
    ("sy", "varchar(500)", "summary: sy"),
    ("dlr", "varchar(60)", "agent.name: dlr"),
    ("dlrdh", "varchar(20)", "agent.mobile: dlrdh"),
    ("gx", "varchar(20)", "agent.relation: gx"),
    ("lxr", "varchar(60)", "contact.name: lxr"),
    ("lxrdh", "varchar(20)", "contact.mobile: lxrdh"),
    ("zt", "varchar(2) not null", 'status: { column: zt, codes: { "0": RECEIVED, "1": ACCEPTED, "2": FINISHED, "4": NOTACCEPTED } }'),
    ("sjsj", "timestamp(0)", 'received_at: { column: sjsj, as: "time %Y-%m-%d %H:%M:%S" }'),
    ("slsj", "timestamp(0)", 'accepted_at: { column: slsj, as: "time %Y-%m-%d %H:%M:%S" }'),
    ("jgms", "varchar(1000)", "outcome_text: jgms"),
    ("zzmc", "varchar(200)", "result.cert_name: zzmc"),
    ("fzjg", "varchar(100)", "result.issuer: fzjg"),
]
COLUMNS = [name for name, _, _ in MAPPED]

_PLAIN = "create table {table} (sbh varchar(20){key}, {columns})"
# What a database of a department brings along for us: the transaction of the last change, its index, and a NOTIFY.
_CHANGES = """
alter table {table} add other_no varchar(40), add rv xid8 not null default pg_current_xact_id();
create index on {table} (rv, sbh);
create sequence {table}_number;
create function {table}_touch() returns trigger language plpgsql as $$ begin new.rv := pg_current_xact_id(); return new; end $$;
create trigger touch before insert or update on {table} for each row execute function {table}_touch();
create function {table}_tell() returns trigger language plpgsql as $$ begin notify {table}; return null; end $$;
create trigger tell after insert or update or delete on {table} for each statement execute function {table}_tell();
"""

_SYSTEM = """system: {name}
title: {title}
role: {role}
connector: postgres
start_live: true
connection:
  dsn: "{dsn}"
  timezone: Asia/Shanghai
{listen}records:
  application:
    root: {{ table: {table}, key: sbh }}
    read: {{ every: {every}, cursor: rv }}
    write: {{ create: {create}, update: [{update}] }}
    required: [xm, zt]
    case:
{case}
"""


def plain_table(table, key):
    columns = ", ".join(f"{name} {kind}" for name, kind, _ in MAPPED)
    return _PLAIN.format(table=table, key=" primary key" if key else "", columns=columns)


class Site:
    """Two fresh databases, a ledger, and the folder that names them."""

    def __init__(self, world, folder, every="1s", listen=True):
        self.folder = folder / "site"
        self.a, self.b, self.ledger = (world.postgres.new_database() for _ in range(3))
        self.kafka = world.kafka.bootstrap
        self.prefix = folder.name
        self._every, self._listen = every, listen
        (self.folder / "systems").mkdir(parents=True)
        self._site_file()
        self._system("a", self.a, "department", ["dept_case_no: sbh"], create=False)
        self._system("b", self.b, "portal", ["portal_case_no: sbh", "dept_case_no: other_no"], create=True)

    def _site_file(self):
        (self.folder / "site.yaml").write_text(
            f"name: bench\ntitle: 性能测试\ntimezone: Asia/Shanghai\ntopic_prefix: {self.prefix}\nschemas: {SOURCE / 'schemas'}\n"
            f"ledger: {{ dsn: \"{self.ledger.dsn}\" }}\nkafka: {{ bootstrap.servers: \"{self.kafka}\" }}\n")

    def _system(self, name, database, role, numbers, create):
        table = f"{name}_sq"
        database.execute(plain_table(table, key=True))
        database.execute(_CHANGES.format(table=table))
        update = [*COLUMNS, "other_no"] if name == "b" else COLUMNS
        lines = [*numbers, *(line for _, _, line in MAPPED)]
        words = _SYSTEM.format(
            name=name, title=name, role=role, dsn=database.dsn, table=table, every=self._every,
            listen=f"  listen: {table}\n" if self._listen else "", create=str(create).lower(),
            update=", ".join(update), case="\n".join("      " + line for line in lines))
        if create:
            words += f"    on_create:\n      sbh: {{ generate: \"'P' || nextval('{table}_number')\" }}\n"
        (self.folder / "systems" / f"{name}.yaml").write_text(words)

    def close(self):
        for database in (self.a, self.b, self.ledger):
            database.close()
            self._drop(database)

    @staticmethod
    def _drop(database):
        with psycopg.connect(database.server.dsn(), autocommit=True) as connection:
            connection.execute(f"drop database if exists {database.name} with (force)")


def content(database, table, key):
    """Count and a hash of all rows that does not depend on their order."""
    columns = ", ".join([f"coalesce({key}::text, '')", *(f"coalesce({name}::text, '')" for name in COLUMNS)])
    return database.rows(f"select count(*), coalesce(sum(hashtextextended(concat_ws('|', {columns}), 0)::numeric), 0) from {table}")[0]
