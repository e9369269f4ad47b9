"""Parses, adds months, time zones, durations."""

import pendulum

EXPECTED = ["2026-02-28T12:00:00+01:00", "11:00", "1 week 2 days", "P1Y2M"]


def use():
    moment = pendulum.datetime(2026, 1, 31, 12, tz="Europe/Berlin").add(months=1)
    utc = moment.in_timezone("UTC").format("HH:mm")
    between = pendulum.parse("2026-01-10T00:00:00Z") - pendulum.parse("2026-01-01T00:00:00Z")
    parsed = pendulum.parse("P1Y2M")
    return [moment.isoformat(), utc, between.in_words(), f"P{parsed.years}Y{parsed.months}M"]
