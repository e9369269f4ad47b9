"""boto3 objects made at import: in the running process they are those of its region and keys.

The measure is botocore itself: the same source in an ordinary process, in the region itself. What
goes over the wire, signature and all, must be the same.
"""

from __future__ import annotations

import json
import os
import subprocess

import pytest
import restored

from build_scripts.snapshot import variables

pytestmark = pytest.mark.subprocesses
VERSIONS = ["boto3==1.44.5", "boto3==1.34.0"]
# Among them: older ones, new ones, other partitions, one without dual stack, one that no botocore
# knows.
REGIONS = [
    "eu-west-1", "us-east-1", "us-gov-west-1", "cn-north-1", "eu-central-2", "us-iso-east-1",
    "mars-north-1",
]  # fmt: skip
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIDRUNNING",
    "AWS_SECRET_ACCESS_KEY": "secret/running",
    "AWS_SESSION_TOKEN": "token-of-the-function",
}


def lambda_like(region, **more):
    return {**restored.BUILD, **KEYS, "AWS_REGION": region, "AWS_DEFAULT_REGION": region, **more}


CLIENTS = """
import boto3, botocore.session
from botocore.config import Config
make = {
    "dynamodb": lambda: boto3.client("dynamodb"),
    "s3": lambda: boto3.client("s3"),
    "sqs": lambda: boto3.client("sqs"),
    "sns": lambda: boto3.client("sns"),
    "sts": lambda: boto3.client("sts"),
    "lambda": lambda: boto3.client("lambda"),
    "secretsmanager": lambda: boto3.client("secretsmanager"),
    "ssm": lambda: boto3.client("ssm"),
    "events": lambda: boto3.client("events"),
    "kinesis": lambda: boto3.client("kinesis"),
    "stepfunctions": lambda: boto3.client("stepfunctions"),
    "cognito-idp": lambda: boto3.client("cognito-idp"),
    "iam": lambda: boto3.client("iam"),
    "route53": lambda: boto3.client("route53"),
    "s3control": lambda: boto3.client("s3control"),
    "rds": lambda: boto3.client("rds"),
    "cloudwatch": lambda: boto3.client("cloudwatch"),
    "logs": lambda: boto3.client("logs"),
    "ses": lambda: boto3.client("ses"),
    "s3 path": lambda: boto3.client("s3", config=Config(s3={"addressing_style": "path"})),
    "s3 v4": lambda: boto3.client("s3", config=Config(signature_version="s3v4")),
    "s3 dual": lambda: boto3.client("s3", config=Config(use_dualstack_endpoint=True)),
    "s3 legacy": lambda: boto3.client(
        "s3", config=Config(s3={"us_east_1_regional_endpoint": "legacy"})),
    "s3 http": lambda: boto3.client("s3", use_ssl=False),
    "dynamodb fips": lambda: boto3.client("dynamodb", config=Config(use_fips_endpoint=True)),
    "dynamodb url": lambda: boto3.client("dynamodb", endpoint_url="http://localhost:8000"),
    "sqs own": lambda: boto3.client("sqs", region_name="ap-south-1"),
    "sqs config": lambda: boto3.client("sqs", config=Config(region_name="ap-south-2")),
    "sqs keys": lambda: boto3.client(
        "sqs", aws_access_key_id="AKIDOWN", aws_secret_access_key="own"),
    "sns agent": lambda: boto3.client("sns", config=Config(user_agent_extra="mine/1")),
    "sns session": lambda: boto3.Session(region_name="us-east-2").client("sns"),
    "sns raw": lambda: botocore.session.get_session().create_client("sns"),
    "ddb table": lambda: boto3.resource("dynamodb").Table("orders").meta.client,
    "s3 bucket": lambda: boto3.resource("s3").Bucket("mine").meta.client,
}
clients = {}
for name, function in make.items():
    try:
        clients[name] = function()
    except Exception as error:
        clients[name] = error
"""
CALLS = """
import datetime, botocore.auth, botocore.awsrequest, botocore.signers, time
# One moment for all, so that signatures can be compared.
moment = datetime.datetime(2026, 1, 2, 3, 4, 5)
if hasattr(botocore.auth, "get_current_datetime"):
    botocore.auth.get_current_datetime = lambda *a, **k: moment
class Clock(datetime.datetime):
    utcnow = classmethod(lambda cls: moment)
    now = classmethod(lambda cls, zone=None: moment.replace(tzinfo=zone))
for module in (botocore.auth, botocore.signers):
    module.datetime = type("d", (), {
        "datetime": Clock, "timezone": datetime.timezone, "timedelta": datetime.timedelta})
botocore.auth.time = type("t", (), {
    "time": staticmethod(lambda: 1767323045.0), "gmtime": staticmethod(lambda *a: time.gmtime(0)),
    "strftime": time.strftime, "mktime": time.mktime})
operations = {
    "dynamodb": [("get_item", {"TableName": "t", "Key": {"a": {"S": "b"}}})],
    "s3": [("get_object", {"Bucket": "some.bucket", "Key": "k"}),
           ("put_object", {"Bucket": "bucket", "Key": "a b/c", "Body": b"x"}),
           ("list_buckets", {}), ("create_bucket", {"Bucket": "new"}),
           ("get_object", {"Bucket": "arn:aws:s3:eu-west-3:123456789012:accesspoint/p",
                           "Key": "k"})],
    "sqs": [("send_message", {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/1/q",
                              "MessageBody": "m"}), ("list_queues", {})],
    "sns": [("publish", {"TopicArn": "arn:aws:sns:eu-west-1:1:t", "Message": "m"})],
    "sts": [("get_caller_identity", {})],
    "lambda": [("invoke", {"FunctionName": "f", "Payload": b"{}"})],
    "secretsmanager": [("get_secret_value", {"SecretId": "s"})],
    "ssm": [("get_parameter", {"Name": "p"})],
    "events": [("put_events", {"Entries": [{"Source": "s"}]})],
    "kinesis": [("put_record", {"StreamName": "s", "Data": b"d", "PartitionKey": "k"})],
    "stepfunctions": [("start_execution", {"stateMachineArn": "a"}),
                      ("start_sync_execution", {"stateMachineArn": "a"})],
    "cognito-idp": [("list_user_pools", {"MaxResults": 1}),
                    ("initiate_auth", {"AuthFlow": "USER_AUTH", "ClientId": "c"})],
    "iam": [("list_roles", {})], "route53": [("list_hosted_zones", {})],
    "s3control": [("list_jobs", {"AccountId": "123456789012"})],
    "rds": [("copy_db_snapshot", {"SourceDBSnapshotIdentifier": "a", "SourceRegion": "us-east-2",
                                  "TargetDBSnapshotIdentifier": "b"})],
    "cloudwatch": [("list_metrics", {})], "logs": [("describe_log_groups", {})],
    "ses": [("list_identities", {})], "ddb": [("get_item", {"TableName": "t", "Key": {"a": "b"}})],
}
def calls(name, client):
    if isinstance(client, Exception):
        return repr(client)
    found = []
    def before_send(request, **kwargs):
        headers = {k: v.decode() if isinstance(v, bytes) else v for k, v in request.headers.items()}
        headers.pop("amz-sdk-invocation-id", None)
        agent = headers["User-Agent"].split()   # metrics come in the order of a set
        agent = [",".join(sorted(p[2:].split(","))) if p[:2] == "m/" else p for p in agent]
        headers["User-Agent"] = " ".join(agent)
        body = request.body
        if hasattr(body, "read"):
            body = body.read()
        found.append([request.method, request.url, headers, str(body)])
        raise RuntimeError("sent")
    client.meta.events.register("before-send.*", before_send)
    service = name.split()[0]
    for method, arguments in operations[service]:
        for call in (lambda: getattr(client, method)(**arguments),
                     lambda: found.append(client.generate_presigned_url(method, arguments))):
            try:
                call()
            except Exception as error:
                found.append(repr(error))
    if service == "s3":
        found.append(client.generate_presigned_post("bucket", "key")["url"])
    if service == "rds":
        found.append(client.generate_db_auth_token("host", 1, "me"))
    meta, config = client.meta, client.meta.config
    agent = " ".join(p for p in config.user_agent.split() if p[:2] != "m/")
    found.append([meta.region_name, meta.endpoint_url, meta.partition, config.region_name,
                  config.signature_version, agent, type(client.exceptions).__name__,
                  sorted(str(o) for o in config._user_provided_options.items()
                         if o[0] != "user_agent")])
    return found
"""
RESULT = "result = {name: calls(name, client) for name, client in sorted(app.clients.items())}\n"


REFERENCE = """
import json, os, sys, types
import boto3
setup = json.load(sys.stdin)
for environment in setup["environments"]:
    pid = os.fork()
    if pid == 0:
        os.environ.clear()
        os.environ.update(environment)
        app = types.ModuleType("app")
        exec(setup["source"], vars(app))
        exec(setup["then"])
        print(json.dumps(result), flush=True)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
"""


def reference(interpreter, environments, source, then):
    """The results of an ordinary process in each of the environments."""
    done = subprocess.run(
        [interpreter, "-s", "-c", REFERENCE],
        input=json.dumps({"environments": environments, "source": source, "then": then}),
        capture_output=True,
        text=True,
        env=restored.BUILD,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module", params=VERSIONS)
def python(request):
    return restored.environment(request.param)


def test_what_goes_over_the_wire(tmp_path, python):
    environments = [lambda_like(region) for region in REGIONS]
    environments[0]["AWS_ACCOUNT_ID"] = "123456789012"  # part of DynamoDB's endpoint, if known
    environments[1]["AWS_EXECUTION_ENV"] = "AWS_Lambda_python3.13"
    results = restored.run(
        tmp_path, CLIENTS, CALLS + RESULT, interpreter=python, running=environments
    )
    expectations = reference(python, environments, CLIENTS, CALLS + RESULT)
    for environment, result, expected in zip(environments, results, expectations, strict=True):
        assert result.keys() == expected.keys()
        for name, calls in expected.items():
            if isinstance(calls, str):  # not to be had there: then the calls fail, not the import
                assert calls in result[name]
            else:
                differing = [
                    pair for pair in zip(result[name], calls, strict=True) if pair[0] != pair[1]
                ]
                assert differing == [], (environment["AWS_REGION"], name)
        assert "us-placeholder" not in json.dumps(result)
    assert "AKIDRUNNING" in json.dumps(results[0]["dynamodb"])
    if python == restored.environment(VERSIONS[0]):
        assert "123456789012.ddb" in json.dumps(results[0]["dynamodb"])
    assert os.environ.get("AWS_ACCESS_KEY_ID", "AKIDOWN") not in json.dumps(results[0]["s3"])


@pytest.fixture(scope="module")
def newest():
    return restored.environment(VERSIONS[0])


# Notes what is read while initialising, and which adapter takes care of it.
OBSERVER = """
OBSERVER = '''
import os, posix
class Recorder(dict):
    def __getitem__(self, name):
        seen.append([name.decode(), adapters.handled("environment", name.decode())])
        return super().__getitem__(name)
    def __contains__(self, name):
        seen.append([name.decode(), adapters.handled("environment", name.decode())])
        return super().__contains__(name)
posix.environ = os.environ._data = Recorder(posix.environ)
real = os.uname
def uname():
    seen.append(["AWS_LAMBDA_UNAME", adapters.handled("machine", "uname")])
    return real()
os.uname = uname
'''
# As frames of the observer, which do not count.
name = "native_bootstrap.runtime.snapshot.observer"
exec(OBSERVER, {"__name__": name, "seen": seen, "adapters": adapters})
"""
UNHANDLED = "[name for name, by in seen if by is None]"


def of_a_deployment(names):
    """Those that differ between functions: nobody may read them without an adapter."""
    return {name for name in names if variables.is_per_deployment(name)}


def test_making_clients_reads_nothing_of_a_deployment(tmp_path, newest):
    (result,) = restored.run(
        tmp_path,
        "import boto3\nclients = [boto3.client(n) for n in ('s3', 'sqs', 'iam')]\n"
        "table = boto3.resource('dynamodb').Table('orders')\n",
        f"result = [{UNHANDLED}, [by for n, by in seen if n == 'AWS_DEFAULT_REGION']]",
        before=OBSERVER,
        interpreter=newest,
    )
    unhandled, region = result
    assert of_a_deployment(unhandled) == set()
    assert region == ["botocore"]
    assert "AWS_PROFILE" in unhandled, "a guard's"


LOOKS = {
    "boto3.Session().region_name": "AWS_DEFAULT_REGION",
    "repr(boto3.Session())": "AWS_DEFAULT_REGION",
    "client.meta.region_name": "AWS_DEFAULT_REGION",
    "client.meta.endpoint_url": "AWS_DEFAULT_REGION",
    "client.meta.config": "AWS_DEFAULT_REGION",
    "client.meta.partition": "AWS_DEFAULT_REGION",
    "boto3.Session().get_credentials().access_key": "AWS_ACCESS_KEY_ID",
    "boto3.Session().get_credentials().get_frozen_credentials()": "AWS_ACCESS_KEY_ID",
    "boto3.client('s3').generate_presigned_post('b', 'k')": "AWS_ACCESS_KEY_ID",
}


def test_a_module_that_looks_at_import_is_seen(tmp_path, newest):
    (result,) = restored.run(
        tmp_path,
        "import boto3, __main__\nclient = boto3.client('sqs')\nfound = {}\n"
        f"for look in {list(LOOKS)}:\n"
        "    before = len(__main__.seen)\n"
        "    try:\n        eval(look)\n"
        "    except AttributeError as error:  # what botocore does without credentials\n"
        "        assert 'NoneType' in str(error)\n"
        "    found[look] = [n for n, by in __main__.seen[before:] if by is None]\n",
        "result = app.found",
        before=OBSERVER,
        interpreter=newest,
    )
    assert {look: of_a_deployment(names) for look, names in result.items()} == {
        look: {name} for look, name in LOOKS.items()
    }


def test_a_constant_region_is_no_read(tmp_path, newest):
    (result,) = restored.run(
        tmp_path,
        "import boto3\nclient = boto3.client('sqs', region_name='eu-west-3')\n"
        "values = client.meta.region_name, client.meta.endpoint_url\n",
        f"result = [{UNHANDLED}, app.client.meta.region_name]",
        before=OBSERVER,
        interpreter=newest,
    )
    assert of_a_deployment(result[0]) == set()
    assert result[1] == "eu-west-3"


def test_a_declared_region_is_left_to_its_guard(tmp_path, newest):
    (result,) = restored.run(
        tmp_path,
        "import boto3\nclient = boto3.client('sqs')\nvalue = client.meta.region_name\n",
        "result = [app.value, [by for n, by in seen if n == 'AWS_DEFAULT_REGION'][1:]]",
        before="import os; os.environ['AWS_DEFAULT_REGION'] = 'eu-west-3'\n" + OBSERVER,
        interpreter=newest,
        running=lambda_like("eu-west-3"),
    )
    value, handled = result
    assert value == "eu-west-3"
    assert handled
    assert set(handled) == {None}


def test_the_same_objects_with_this_processs_keys(tmp_path, newest):
    source = (
        "import boto3\nsession = boto3.Session()\ncredentials = session.get_credentials()\n"
        "client = session.client('dynamodb')\nown = boto3.Session('AKIDOWN', 'own')\n"
        "own_credentials = own.get_credentials()\n"
    )
    first, second = restored.run(
        tmp_path,
        source,
        "frozen = app.credentials.get_frozen_credentials()\n"
        "result = [frozen.access_key, frozen.secret_key, frozen.token,\n"
        " app.credentials.method, type(app.credentials).__name__,\n"
        " app.session.get_credentials() is app.credentials,\n"
        " app.client._request_signer._credentials is app.credentials,\n"
        " app.own_credentials.access_key, app.session.region_name]",
        interpreter=newest,
        running=[
            lambda_like("eu-west-1"),
            lambda_like("us-east-2", AWS_ACCESS_KEY_ID="AKIDOTHER"),
        ],
    )
    rest = ["secret/running", "token-of-the-function", "env", "Credentials", True, True, "AKIDOWN"]
    assert first == ["AKIDRUNNING", *rest, "eu-west-1"]
    assert second == ["AKIDOTHER", *rest, "us-east-2"]


CONTAINER = """
import datetime, http.server, json, threading
served = []
class Keys(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        served.append(self.path)
        soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1)
        body = json.dumps({"AccessKeyId": f"AKID{len(served)}", "SecretAccessKey": "s",
                           "Token": "t", "Expiration": soon.isoformat()}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Keys)
threading.Thread(target=server.serve_forever, daemon=True).start()
os = __import__("os")
os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = f"http://127.0.0.1:{server.server_port}/keys"
"""


def test_credentials_that_expire_are_refreshed(tmp_path, newest):
    (result,) = restored.run(
        tmp_path,
        "import boto3\ncredentials = boto3.Session().get_credentials()\n"
        "client = boto3.client('sqs')\n",
        CONTAINER + "keys = [app.credentials.get_frozen_credentials().access_key for _ in '12']\n"
        "result = [keys, app.credentials.method, type(app.credentials).__name__]",
        interpreter=newest,
        running={"AWS_DEFAULT_REGION": "eu-west-1"},
    )
    assert result == [["AKID2", "AKID3"], "container-role", "RefreshableCredentials"]


def test_no_credentials_and_no_region(tmp_path, newest):
    (result,) = restored.run(
        tmp_path,
        "import boto3\nclient = boto3.client('sqs')\nroles = boto3.client('iam')\n"
        "credentials = boto3.Session().get_credentials()\n",
        "result = []\n"
        "for call in (app.client.list_queues, app.roles.list_roles,"
        " lambda: app.credentials.access_key):\n"
        "    try:\n        result.append(call())\n"
        "    except Exception as error:\n        result.append(type(error).__name__)\n",
        interpreter=newest,
        running={"AWS_EC2_METADATA_DISABLED": "true"},
    )
    assert result == ["NoRegionError", "NoCredentialsError", None]


def test_a_frozen_client_holds_no_socket_and_no_trace(tmp_path, newest):
    (result,) = restored.run(
        tmp_path,
        "import boto3\nclients = {n: boto3.client(n) for n in ('s3', 'sqs', 'iam', 'sts')}\n",
        "import os, gc\n"
        "pools = [c._endpoint.http_session._manager.pools for c in app.clients.values()]\n"
        "text = str([vars(c.meta) | vars(c.meta.config) | vars(c._endpoint)\n"
        "            | vars(c._request_signer) for c in app.clients.values()])\n"
        "import botocore.session, botocore.client\n"
        "result = [sum(len(p) for p in pools), 'us-placeholder' in text,\n"
        " [f.__module__ for f in (botocore.session.Session.get_credentials,\n"
        "  botocore.session.Session.__init__, botocore.client.ClientCreator.create_client)]]",
        interpreter=newest,
        running=lambda_like("eu-west-1"),
    )
    assert result[:2] == [0, False]
    assert set(result[2]) == {"botocore.session", "botocore.client"}, "nothing stays replaced"


def test_what_was_made_at_import_works(tmp_path, newest):
    (result,) = restored.run(
        tmp_path,
        "import boto3\nboto3.setup_default_session()\n"
        "client = boto3.client('dynamodb')\npages = client.get_paginator('list_tables')\n"
        "waiter = client.get_waiter('table_exists')\nerrors = client.exceptions\n"
        "table = boto3.resource('dynamodb').Table('orders')\n"
        "bucket = boto3.resource('s3').Bucket('b')\n"
        "missing = errors.ResourceNotFoundException\n",
        "from botocore.stub import Stubber\n"
        "import boto3\nresult = []\n"
        "with Stubber(app.client) as stub:\n"
        "    more = {'TableNames': ['aaa'], 'LastEvaluatedTableName': 'aaa'}\n"
        "    stub.add_response('list_tables', more)\n"
        "    stub.add_response('list_tables', {'TableNames': ['bbb']})\n"
        "    stub.add_client_error('get_item', 'ResourceNotFoundException')\n"
        "    stub.add_response('describe_table', {'Table': {'TableStatus': 'ACTIVE'}})\n"
        "    result += [p['TableNames'] for p in app.pages.paginate()]\n"
        "    try: app.client.get_item(TableName='ttt', Key={})\n"
        "    except app.missing as error: result.append(type(error).__name__)\n"
        "    result.append(app.waiter.wait(TableName='ttt'))\n"
        "with Stubber(app.table.meta.client) as stub:\n"
        "    stub.add_response('get_item', {'Item': {'id': {'N': '1'}}})\n"
        "    result.append(str(app.table.get_item(Key={'id': 1})['Item']))\n"
        "result += [app.bucket.meta.client.meta.region_name,\n"
        "           boto3.client('sqs').meta.region_name,\n"
        "           boto3.DEFAULT_SESSION.get_credentials().access_key]",
        interpreter=newest,
        running=lambda_like("eu-west-1"),
    )
    names = [["aaa"], ["bbb"], "ResourceNotFoundException", None, "{'id': Decimal('1')}"]
    assert result == [*names, "eu-west-1", "eu-west-1", "AKIDRUNNING"]


def test_adaptive_retries_begin_now(tmp_path, newest):
    (result,) = restored.run(
        tmp_path,
        "import boto3, time\nfrom botocore.config import Config\n"
        "clock, time.time = time.time, lambda: 1.0\n"
        "client = boto3.client('sqs', config=Config(retries={'mode': 'adaptive'}))\n"
        "time.time = clock\n",
        "import gc, time, botocore.retries.adaptive as adaptive\n"
        "(found,) = [o for o in gc.get_objects() if type(o) is adaptive.ClientRateLimiter]\n"
        "begun = [found._rate_adjustor._last_fail, found._rate_clocker._last_bucket,\n"
        "         found._token_bucket._last_timestamp]\n"
        "result = [abs(time.time() - then) < 60 for then in begun]",
        interpreter=newest,
    )
    assert result == [True, True, True]


def test_a_start_pays_next_to_nothing(tmp_path, newest):
    (result,) = restored.run(
        tmp_path,
        "import boto3\ntable = boto3.resource('dynamodb').Table('orders')\n",
        "import time\nfrom native_bootstrap.runtime.snapshot.adapters import botocore_\n"
        "def once():\n"
        "    start = time.perf_counter_ns()\n    botocore_.restore()\n"
        "    return time.perf_counter_ns() - start\n"
        "result = [loaded, min(once() for _ in range(50))]",
        interpreter=newest,
    )
    assert result[0] == []
    assert result[1] < 150_000  # nanoseconds; 5,000 here


@pytest.mark.parametrize(
    ("look", "holder"),
    [
        ("HOST = client._endpoint.host", "app.HOST"),
        ("class Settings:\n    region = client._client_config.region_name", "app.Settings"),
        ("NESTED = [({'region': client._request_signer.region_name},)]", "app.NESTED"),
        ("def call(text=client._endpoint.host): pass", "app.call"),
    ],
)
def test_whoever_keeps_the_placeholder_is_found(tmp_path, newest, look, holder):
    (error,) = restored.run(
        tmp_path,
        f"import boto3\nclient = boto3.client('sqs')\n{look}\n",
        "result = 1",
        interpreter=newest,
        fails=True,
    )
    assert error.splitlines()[-1].endswith(
        f"Refused: the region of a botocore client is kept by {holder}"
    )


def test_the_first_connection_reads_no_certificates(tmp_path, newest):
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(
        str(tmp_path / "server.pem")
    )
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    serve = (
        "import http.server, os, ssl, threading\n"
        "class Api(http.server.BaseHTTPRequestHandler):\n"
        "    def do_POST(self):\n"
        "        self.rfile.read(int(self.headers['Content-Length']))\n"
        "        self.send_response(200)\n        self.send_header('Content-Length', '2')\n"
        "        self.end_headers()\n        self.wfile.write(b'{}')\n"
        "    def log_message(self, *args): pass\n"
        "server = http.server.HTTPServer(('localhost', 0), Api)\n"
        "tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n"
        f"tls.load_cert_chain({str(tmp_path / 'server.pem')!r})\n"
        "server.socket = tls.wrap_socket(server.socket, server_side=True)\n"
        "threading.Thread(target=server.serve_forever, daemon=True).start()\n"
        "app.port[0] = server.server_port\n"
    )
    (result,) = restored.run(
        tmp_path,
        "import boto3\n"
        "port = [0]\n"
        f"url, ca = 'https://localhost:1', {str(bundle)!r}\n"
        "client = boto3.client('dynamodb', endpoint_url=url, verify=ca)\n"
        "other = boto3.client('dynamodb', endpoint_url=url)\n"
        "off = boto3.client('dynamodb', endpoint_url=url, verify=False)\n",
        serve + f"os.remove({str(bundle)!r})\n"
        "result = []\n"
        "def send(request, **more):\n"
        "    request.url = request.url.replace(':1/', f':{app.port[0]}/')\n"
        "for client in (app.client, app.other, app.off):\n"
        "    client.meta.events.register('before-send', send)\n"
        "    try: result.append(client.list_tables()['ResponseMetadata']['HTTPStatusCode'])\n"
        "    except Exception as error: result.append(type(error).__name__)\n",
        interpreter=newest,
        running=lambda_like("eu-west-1", AWS_MAX_ATTEMPTS="1"),
    )
    assert result == [200, "SSLError", 200]
