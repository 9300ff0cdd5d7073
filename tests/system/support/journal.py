"""Counts, from outside and without asking the product, what was lost and what was doubled.

A test writes down what people typed (`typed`). What the systems then really held, one write after
the other, is taken from the systems themselves: from a table by a trigger of the test's own
(`watch_table`, `table_effects`), from the portal by its journal. `Journal.verdict` compares.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

# In a schema of the test's own, filled inside the writer's transaction: a rolled back write leaves
# nothing, a committed one cannot be missed.
_WATCH = """
create schema if not exists test_journal;
create table if not exists test_journal.entry (
    n bigserial primary key, at timestamptz not null default clock_timestamp(),
    writer text not null default current_setting('application_name'),
    tab text not null, op text not null, before jsonb, after jsonb);
create or replace function test_journal.note() returns trigger
language plpgsql security definer as $$
begin
    insert into test_journal.entry (tab, op, before, after) values (tg_table_name, tg_op,
        case when tg_op <> 'INSERT' then to_jsonb(old) end,
        case when tg_op <> 'DELETE' then to_jsonb(new) end);
    return null;
end $$;
"""


@dataclass(frozen=True)
class Effect:
    """One committed write of one record: what each column was before and is after it."""
    record: str
    operation: str  # INSERT, UPDATE or DELETE
    before: dict
    after: dict
    writer: str


@dataclass
class Verdict:
    lost: list = field(default_factory=list)     # (case, field, last typed, found)
    doubled: list = field(default_factory=list)  # (case, what happened too often)

    def __bool__(self):
        return not self.lost and not self.doubled

    def __str__(self):
        return "\n".join([f"lost {len(self.lost)}, doubled {len(self.doubled)}",
                          *(f"lost: {x}" for x in self.lost[:20]),
                          *(f"doubled: {x}" for x in self.doubled[:20])])


def watch_table(database, table):
    """From now on every write of `table` is noted. Clerks and product differ by application_name."""
    database.execute(_WATCH)
    database.execute(f"create trigger test_journal after insert or update or delete on {table} "
                     "for each row execute function test_journal.note()")


def table_effects(database, table, key, by=None):
    """Effects on `table` in order; `by(writer)` chooses the writers, e.g. all but the clerks."""
    rows = database.rows("select op, before, after, writer from test_journal.entry "
                         "where tab = %s order by n", table.split(".")[-1])
    return [Effect(str((after or before)[key]), op, before or {}, after or {}, writer)
            for op, before, after, writer in rows if by is None or by(writer)]


class Journal:
    def __init__(self):
        self._typed = defaultdict(list)  # (case, field) -> values in order

    def typed(self, case, field_name, value):
        self._typed[case, field_name].append(value)

    def __len__(self):
        return sum(map(len, self._typed.values()))

    def verdict(self, found, effects, case_of, columns):
        """Compares what was typed in one system with what came about in another one.

        found:    (case, field) -> the value there now; LookupError when there is no such record
        effects:  what the product wrote there, in order
        case_of:  record -> case; None for records that are not of this test
        columns:  field -> column of the effects

        Lost: the value typed last for a field is not there. Doubled: one case was created more than
        once, a write changed nothing, or a value was written more often than it was typed.
        """
        verdict = Verdict()
        for (case, name), values in self._typed.items():
            try:
                now = found(case, name)
            except LookupError:
                now = "no record"
            if now != values[-1]:
                verdict.lost.append((case, name, values[-1], now))
        self._count(verdict, effects, case_of, columns)
        return verdict

    def _count(self, verdict, effects, case_of, columns):
        created, written = Counter(), Counter()
        for effect in effects:
            case = case_of(effect.record)
            if case is None:
                continue
            if effect.operation == "INSERT":
                created[case] += 1
            elif effect.before == effect.after:
                verdict.doubled.append((case, f"a write that changed nothing in {effect.record}"))
            for name, column in columns.items():
                if effect.after.get(column) != effect.before.get(column):
                    written[case, name, effect.after.get(column)] += 1
        for case, times in created.items():
            if times > 1:
                verdict.doubled.append((case, f"created {times} times"))
        for (case, name, value), times in written.items():
            allowed = Counter(self._typed.get((case, name), ()))[value]
            if allowed and times > allowed:
                verdict.doubled.append((case, f"{name} = {value!r} typed {allowed} times, "
                                              f"written {times} times"))
