"""The ground the other tests stand on: servers that are real, separate, and survive a crash."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from support.paths import TOOLS
from support.reaper import marked
from support.servers import Kafka, Postgres
from support.topics import create_topic, produce, read_topic, topic_names
from support.waiting import Timeout, wait_for

POSTGRES = "/usr/lib/postgresql/15/bin/postgres"


def test_kafka_keeps_what_was_acknowledged_over_a_crash(kafka, topic_prefix):
    topic = f"{topic_prefix}.kept"
    before = kafka.bootstrap
    create_topic(before, topic, partitions=2)
    produce(before, topic, (b"k1", "一".encode(), {"ce_id": b"1"}), (b"k2", None))
    kafka.kill()
    assert not kafka.running()
    kafka.start()
    assert kafka.bootstrap == before
    records = wait_for(lambda: read_topic(before, topic), what="the records after the crash")
    assert {r.key: r.value for r in records} == {b"k1": "一".encode(), b"k2": None}
    assert [r.headers for r in records if r.key == b"k1"] == [{"ce_id": b"1"}]


def test_kafka_makes_no_topic_by_itself(kafka, topic_prefix):
    missing = f"{topic_prefix}.missing"
    with pytest.raises(LookupError):
        read_topic(kafka.bootstrap, missing)
    assert missing not in topic_names(kafka.bootstrap)


def test_a_second_kafka_is_a_different_one(kafka, server_folder, reaper):
    other = Kafka(server_folder / "kafka-2", reaper).start()
    try:
        create_topic(other.bootstrap, "only-there")
        assert other.bootstrap != kafka.bootstrap
        assert "only-there" not in topic_names(kafka.bootstrap)
    finally:
        other.stop()
    assert not other.running()


def test_postgres_keeps_what_was_committed_over_a_crash(postgres, database):
    database.execute("create table kept (n int, t text)")
    database.execute("insert into kept values (%s, %s)", 1, "一")
    postgres.kill()
    assert not postgres.running()
    with pytest.raises(psycopg.OperationalError):
        database.rows("select 1")
    postgres.start()
    assert database.rows("select n, t from kept") == [(1, "一")]
    assert database.value("show fsync") == "on"


def test_killing_postgres_also_ends_what_it_starts_meanwhile(server_folder, reaper, processes):
    """A child made between the look for processes and the signal must not stay."""
    server = Postgres(server_folder / "postgres-2", reaper).start()
    server.stop()
    again = f"cd {server.folder}/data && for n in 1 2 3; do {POSTGRES} --single -D . postgres; done"
    as_server = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    processes.start("children", [*as_server, "sh", "-c", f"sleep 600 | {{ {again}; }}"])
    wait_for(lambda: children(server), what="the first child")
    server.kill()
    assert children(server) == []


def children(server):
    """Ids of all that runs the server's program in the server's folder."""
    return [path for path in Path("/proc").glob("[0-9]*")
            if marker(path / "cwd") == f"{server.folder}/data" and marker(path / "exe") == POSTGRES]


def marker(link):
    try:
        return os.readlink(link)
    except OSError:
        return None


def test_databases_are_apart(new_database):
    one, two = new_database(), new_database()
    one.execute("create table t (n int)")
    assert two.value("select to_regclass('t')") is None


def test_starting_twice_is_starting_once(kafka, postgres):
    kafka_pid, postgres_pid = kafka.pid(), postgres.pid()
    kafka.start()
    postgres.start()
    assert (kafka.pid(), postgres.pid()) == (kafka_pid, postgres_pid)


def test_waiting_tells_what_it_waited_for():
    with pytest.raises(Timeout, match="not within 0.05 s: the moon; last answer: 0"):
        wait_for(lambda: 0, timeout=0.05, what="the moon")


def test_a_dead_process_ends_the_wait(processes):
    process = processes.start("short", ["sh", "-c", "echo reason >&2; exit 3"])
    with pytest.raises(RuntimeError, match="(?s)ended with 3.*reason"):
        wait_for(lambda: False, timeout=20, or_died=[process])


def test_ending_a_process_ends_its_children(processes):
    process = processes.start("parent", ["sh", "-c", "sleep 300 & sleep 300 & wait"])
    pids = wait_for(lambda: len(process.children()) == 2 and [p for p, _ in process.children()])
    process.kill()
    assert len(process.children()) == 2
    process.end()
    wait_for(lambda: not process.children(), what=f"the end of {pids}")


def test_nothing_is_left_of_a_run_that_was_killed(processes, tmp_path):
    """A run of its own, killed with -9 while its child ignores everything else."""
    program = tmp_path / "run.py"
    program.write_text(
        "import subprocess, sys, time\n"
        f"sys.path.insert(0, {str(TOOLS.parent / 'tests/system')!r})\n"
        "from support.reaper import Reaper\n"
        "reaper = Reaper()\n"
        f"reaper.on_end('touch', {str(tmp_path / 'ended')!r})\n"
        "subprocess.Popen(['setsid', 'sh', '-c', 'trap \"\" TERM INT HUP; sleep 300; sleep 300'])\n"
        "print(reaper.run, flush=True)\n"
        "time.sleep(300)\n")
    process = processes.start("run", [sys.executable, program])
    run = wait_for(lambda: process.output().strip(), or_died=[process])
    wait_for(lambda: len(list(marked(run))) >= 2, what="the child's start")
    process.kill()
    wait_for(lambda: (tmp_path / "ended").exists(), what="the watcher's last command")
    assert not list(marked(run))


@pytest.mark.parametrize("tool", ["kafka", "postgres"])
def test_a_wrong_word_is_a_usage_error(tool):
    done = subprocess.run([TOOLS / tool, "begin"], capture_output=True, text=True)
    assert done.returncode == 64
    assert "错误" in done.stderr and "error" in done.stderr
