"""The raw contestants around one table of rows: what the servers do with nothing of ours between."""

import uuid

from support.topics import create_topic

import data
import sites
import world as worlds


class RawTables:
    def __init__(self, world, rows):
        self._world = world
        self._database = world.postgres.new_database()
        self._file = world.folder / f"rows-{uuid.uuid4().hex[:8]}"
        for table, key in (("source", True), ("target", True), ("upserted", True)):
            self._database.execute(sites.plain_table(table, key))
        self.text = data.copy_text(rows)
        self._file.write_text(self.text, encoding="utf-8")
        copy_in(self._database, "source", self.text)

    def copy_out(self):
        return self._bench("copy-out", "select * from source order by sbh")

    def copy_in(self):
        self._database.execute("truncate target")
        return self._bench("copy-in", "target")

    def upsert(self):
        self._database.execute("truncate upserted")
        return self._bench("upsert", "upserted")

    def produce(self):
        topic = f"raw-{uuid.uuid4().hex[:8]}"
        create_topic(self._world.kafka.bootstrap, topic)
        return worlds.raw("bench-produce", self._world.kafka.bootstrap, topic, self._file)[0]

    def _bench(self, verb, what):
        return worlds.raw("bench-pg", verb, self._database.dsn, what, self._file)[0]

    def check(self):
        """The contestants must have moved the same rows, too."""
        want = sites.content(self._database, "source", "sbh")
        for table in ("target", "upserted"):
            found = sites.content(self._database, table, "sbh")
            if found != want:
                raise RuntimeError(f"raw {table} holds {found}, not {want}")


def copy_in(database, table, text, columns=None):
    """Brings rows in with one COPY, and returns when they are committed."""
    names = f" ({', '.join(columns)})" if columns else ""
    with database.connect() as connection, connection.cursor() as cursor:
        with cursor.copy(f"copy {table}{names} from stdin") as copy:
            copy.write(text)
