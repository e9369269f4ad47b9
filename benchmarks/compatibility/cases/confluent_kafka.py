"""Produces and consumes with the mock brokers inside librdkafka."""

import confluent_kafka
from confluent_kafka import Consumer, Producer

EXPECTED = [["hello"], 0, True]


def use():
    told = []
    producer = Producer({"test.mock.num.brokers": 1, "bootstrap.servers": "ignored"})
    producer.produce("topic", b"hello", callback=lambda error, sent: told.append((error, sent)))
    assert producer.flush(20) == 0
    ((error, sent),) = told
    brokers = producer.list_topics(timeout=10).brokers
    address = ",".join(f"{broker.host}:{broker.port}" for broker in brokers.values())
    consumer = Consumer(
        {"bootstrap.servers": address, "group.id": "g", "auto.offset.reset": "earliest"}
    )
    consumer.assign([confluent_kafka.TopicPartition("topic", sent.partition(), 0)])
    message = consumer.poll(20)
    consumer.close()
    return [[message.value().decode()], sent.offset(), error is None]
