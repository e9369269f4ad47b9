import fast
import faster


def handler(event, context):
    return {
        "sum": fast.total(event["numbers"]),
        "sorted": faster.ordered(event["words"]),
        "caught": faster.caught(),
    }
