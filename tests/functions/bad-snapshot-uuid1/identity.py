import uuid

VALUE = str(uuid.uuid1())
