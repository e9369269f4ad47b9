with open("/proc/meminfo") as file:
    MEMORY = file.readline()


def handler(event, context):
    with open("/proc/meminfo") as file:
        return {"memory": file.readline() == MEMORY}
