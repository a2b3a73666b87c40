"""
Messages of protobuf whose official classes would bring packages that nothing else here needs.

They are declared as their `.proto` files declare them, and protobuf makes the classes when this is imported.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

_Field = descriptor_pb2.FieldDescriptorProto
_TEXT, _NUMBER = _Field.TYPE_STRING, _Field.TYPE_INT32
_TIMESTAMP = ".google.protobuf.Timestamp"
_LABELS = "*.logproto.LabelPairAdapter"
Declaration = dict[str, dict[str, tuple[int, Any]]]  # message, field: number, and a type or `[*].message`

# Source: grafana/loki, pkg/push/push.proto. What is not listed is skipped as an unknown field.
_LOKI: Declaration = {
    "PushRequest": {"streams": (1, "*.logproto.StreamAdapter")},
    "StreamAdapter": {"labels": (1, _TEXT), "entries": (2, "*.logproto.EntryAdapter")},
    "EntryAdapter": {
        "timestamp": (1, _TIMESTAMP),
        "line": (2, _TEXT),
        "structuredMetadata": (3, _LABELS),
        "parsed": (4, _LABELS),
    },
    "LabelPairAdapter": {"name": (1, _TEXT), "value": (2, _TEXT)},
}
_STATUS: Declaration = {  # source: googleapis/googleapis, google/rpc/status.proto; without its details
    "Status": {"code": (1, _NUMBER), "message": (2, _TEXT)}
}


def _declare(package: str, messages: Declaration) -> dict[str, Any]:
    """Return the classes of the messages of a package, by name."""
    name = f"{package}.proto"
    file = descriptor_pb2.FileDescriptorProto(name=name, package=package, syntax="proto3")
    file.dependency.append(timestamp_pb2.DESCRIPTOR.name)
    for message, fields in messages.items():
        declared = file.message_type.add(name=message)
        for field, (number, kind) in fields.items():
            added = declared.field.add(name=field, number=number, label=_Field.LABEL_OPTIONAL)
            if not isinstance(kind, str):
                added.type = kind
                continue
            if kind.startswith("*"):
                added.label = _Field.LABEL_REPEATED
            added.type, added.type_name = _Field.TYPE_MESSAGE, kind.removeprefix("*")
    pool = descriptor_pool.DescriptorPool()  # of its own: others may have the official classes loaded
    pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    found = pool.FindFileByName(name).message_types_by_name
    return {each: message_factory.GetMessageClass(found[each]) for each in messages}


PushRequest: Any = _declare("logproto", _LOKI)["PushRequest"]
Status: Any = _declare("google.rpc", _STATUS)["Status"]
