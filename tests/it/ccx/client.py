"""Calls CCX's hooks over gRPC, knowing nothing of them but what the server's reflection tells.

    client.py ADDRESS [--authority FILE] [--token TOKEN]

ADDRESS is HOST:PORT; with the certificate of an authority it is called over TLS. Calls come on stdin, a
JSON object a line, and are made one after the other; what came of it is printed, a JSON object a line.
First come the services (reflection), their methods, and each one's health.
"""

import argparse
import collections
import json
import sys
import time

import grpc
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SERVICE = "ccx.hook.v1.HookService"
PATIENCE = 20.0

CallDetails = collections.namedtuple("CallDetails", "method timeout metadata credentials wait_for_ready compression")


def report(**seen):
    print(json.dumps(seen), flush=True)


def authorization(token):
    return [("authorization", f"Bearer {token}")] if token else []


class WithToken(grpc.StreamStreamClientInterceptor):
    """Shows a token to the reflection, whose client has no place for one."""

    def __init__(self, token):
        self.metadata = authorization(token)

    def intercept_stream_stream(self, continuation, details, requests):
        details = CallDetails(details.method, PATIENCE, self.metadata, details.credentials, None, None)
        return continuation(details, requests)


def connect(address, authority):
    # A proxy from the environment cannot reach what runs beside us.
    options = [("grpc.enable_http_proxy", 0)]
    if authority is None:
        return grpc.insecure_channel(address, options)
    with open(authority, "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    return grpc.secure_channel(address, credentials, options)


def failure(error):
    return {"code": error.code().name, "details": error.details()}


def described(channel, token):
    """The service as the server describes it, after telling what there is."""
    database = ProtoReflectionDescriptorDatabase(grpc.intercept_channel(channel, WithToken(token)))
    report(services=sorted(database.get_services()))
    service = DescriptorPool(database).FindServiceByName(SERVICE)
    report(methods=[method.name for method in service.methods])
    return service


def check_health(channel):
    health = health_pb2_grpc.HealthStub(channel)
    for service in ["", SERVICE]:
        answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE)
        report(service=service, health=health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def request(call, method):
    """The message of a call, as bytes: `garbage` in hex, or `message` in proto-JSON."""
    if "garbage" in call:
        return bytes.fromhex(call["garbage"])
    message = message_factory.GetMessageClass(method.input_type)()
    return json_format.ParseDict(call["message"], message).SerializeToString()


def make(channel, service, call, token):
    method = service.methods_by_name.get(call["method"])
    invoke = channel.unary_unary(f"/{SERVICE}/{call['method']}")
    metadata = authorization(call.get("token", token)) + [tuple(pair) for pair in call.get("metadata", [])]
    begun = time.monotonic()
    try:
        answer = invoke(request(call, method), timeout=call.get("deadline", PATIENCE), metadata=metadata)
    except grpc.RpcError as error:
        seen = failure(error)
    else:
        message = message_factory.GetMessageClass(method.output_type).FromString(answer)
        fields = json_format.MessageToDict(message, always_print_fields_with_no_presence=True)
        seen = {"code": "OK", "answer": fields}
    report(method=call["method"], took=time.monotonic() - begun, **seen)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("--authority")
    parser.add_argument("--token")
    given = parser.parse_args()
    with connect(given.address, given.authority) as channel:
        try:
            service = described(channel, given.token)
            check_health(channel)
        except grpc.RpcError as error:
            return report(**failure(error))
        for line in sys.stdin:
            make(channel, service, json.loads(line), given.token)


if __name__ == "__main__":
    main()
