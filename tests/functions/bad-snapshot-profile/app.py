import sys
import tracemalloc

calls = 0
audited = []


def profile(frame, event, argument):
    global calls
    calls += 1


def audit(event, arguments):
    if event == "shop.test":
        audited.append(event)


sys.setprofile(profile)
sys.addaudithook(audit)
tracemalloc.start()

def handler(event, context):
    before = calls
    len(audited)
    sys.audit("shop.test")
    return {
        "profile": sys.getprofile() is profile,
        "calls": calls > before,
        "audited": audited != [],
        "traced": tracemalloc.is_tracing() and tracemalloc.get_traced_memory()[0] > 0,
    }
