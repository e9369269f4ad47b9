import datetime


def age(since=datetime.datetime.now(), zone=datetime.datetime.now(datetime.timezone.utc)):
    return datetime.datetime.now() - since, datetime.datetime.now(datetime.timezone.utc) - zone


def handler(event, context):
    limit = datetime.timedelta(seconds=60)
    zero = datetime.timedelta()
    naive, aware = age()
    return {"recent": zero <= naive < limit, "aware": zero <= aware < limit}
