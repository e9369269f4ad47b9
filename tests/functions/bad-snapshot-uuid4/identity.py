import uuid

VALUE = str(uuid.uuid4())
