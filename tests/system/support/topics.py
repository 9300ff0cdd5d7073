"""Reads and writes topics with kafka-python, a client that shares no code with the product."""

from dataclasses import dataclass

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic


@dataclass(frozen=True)
class Record:
    topic: str
    partition: int
    offset: int
    timestamp: int  # milliseconds
    key: bytes | None
    value: bytes | None
    headers: dict  # name -> bytes


def topic_names(bootstrap):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    try:
        return sorted(consumer.topics())
    finally:
        consumer.close()


def create_topic(bootstrap, name, partitions=1, config=None):
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        admin.create_topics([NewTopic(name=name, num_partitions=partitions, replication_factor=1,
                                      topic_configs=config or {})])
    finally:
        admin.close()


def produce(bootstrap, topic, *messages):
    """messages: (key, value) or (key, value, headers), bytes; returns when all are acknowledged."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    try:
        pending = []
        for key, value, *rest in messages:
            headers = list((rest[0] if rest else {}).items())
            pending.append(producer.send(topic, key=key, value=value, headers=headers))
        producer.flush()
        return [future.get(timeout=20) for future in pending]
    finally:
        producer.close()


def read_topic(bootstrap, topic, timeout=20.0):
    """All records up to the ends of the partitions as they are now, by partition and offset.

    Committed records only. A topic that does not exist is a LookupError, so that wait_for() goes on.
    """
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False,
                             isolation_level="read_committed", auto_offset_reset="earliest")
    try:
        numbers = consumer.partitions_for_topic(topic)
        if not numbers:
            raise LookupError(f"no topic {topic} at {bootstrap}")
        partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        return _read_to(consumer, consumer.end_offsets(partitions), timeout)
    finally:
        consumer.close()


def _read_to(consumer, ends, timeout):
    from .waiting import wait_for
    records = []

    def at_the_end():
        # poll() itself waits for data, so this does not spin.
        for batch in consumer.poll(timeout_ms=200).values():
            records.extend(map(_record, batch))
        return all(consumer.position(partition) >= end for partition, end in ends.items())

    wait_for(at_the_end, timeout, f"reading up to {ends}")
    # What came in after we looked at the ends is left for the next reader.
    kept = [r for r in records if r.offset < ends[TopicPartition(r.topic, r.partition)]]
    return sorted(kept, key=lambda r: (r.partition, r.offset))


def _record(message):
    return Record(message.topic, message.partition, message.offset, message.timestamp, message.key,
                  message.value, {name: value for name, value in message.headers or ()})
