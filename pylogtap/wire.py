"""
The one description of the format that a spool segment, a request body and the collector's hot rows share.

A *segment* is a file: a header of one page, then *frames*. A *slice* is any run of bytes of it that starts
at a frame; it is what travels. Nothing is re-packed between the logging call and the collector's disk.

::

    segment = header(4096) frame*
    header  = magic(8) id(16) created_ns(u64) crc32(u32) order(u32), the rest the client's own
    frame   = length(u32) check(u32) payload(length) padding to a multiple of 8, all little-endian
    check   = crc32(payload) XOR salt XOR offset, salt = the first four bytes of the id as u32

The two highest bits of ``length`` are flags: RESERVED (a call is still writing here, or died doing so) and
ABORTED (a call was interrupted here). A zero length ends the chain. Tying the check to segment and offset
makes a frame valid only where it was written.

A payload is one msgpack array. Its first item is a call-site number, or 0 for everything else::

    [site, time, args, fields]            a record
    [site, time, args, fields, more]      a record with something rare, ``more`` keyed by MORE_*
    [0, kind, ...]                        a definition or a note, see the KIND_* constants

``time`` is nanoseconds since the epoch as an integer, or seconds as a float. ``args`` is what the template
takes: an array, a map, nil, or for STYLE_TEXT the message itself. ``fields`` is a map or nil.
Numbers are valid within their segment and are always defined before they are used.
"""

from __future__ import annotations

import struct
import zlib

MAGIC = b"PLTSEG1\0"
HEADER_SIZE = 4096  # bytes: one page, so that frames begin page-aligned
FRAME_HEADER = 8  # bytes
RESERVED = 0x8000_0000
ABORTED = 0x4000_0000
FLAGS = RESERVED | ABORTED
MAX_SEGMENT_BYTES = 1 << 20  # bounds a slice, and so the records in it, to fewer than 2**16
MAX_RECORD_BYTES = 256 << 10  # bytes of one payload; larger values are truncated and marked

KIND_PROCESS = 0  # [0, 0, {"host", "pid", "program", "runtime", "client", "started"}]
KIND_PLACE = 1  # [0, 1, number, "project/service/instance"]
KIND_SITE = 2  # [0, 2, number, place, logger, severity, level, template | nil, file, line, function, style]
KIND_THREAD = 3  # [0, 3, number, ident, name]; threads other than the main one
KIND_LOSS = 4  # [0, 4, time_ns, place, {reason: count}]: records that were dropped before this point
KIND_SAMPLES = (
    5  # [0, 5, time_ns, place, [[name, value, unit | nil, kind, {label: value} | nil], ...]]: no record
)
KIND_TEST = 6  # [0, 6, time_ns, place, run, event, {...}]: what happens in a test run, see TEST_*; no record

# What happens in a test run; the map of each holds the members that pylogtap.cases.facts names. `run` is the
# run's id, 32 hex digits. Each may come again, and in any order: what comes says all that is known so far.
TEST_BEGIN = 1  # a run begins, or more is known of it: FACTS of the run
TEST_START = 2  # a case begins: FACTS of the case that are known before it runs
TEST_CASE = 3  # all that is known of a case so far; `done` once nothing will follow
TEST_WARNING = 4  # a warning: {"case"?, "category", "message", "file"?, "line"?, "when"?}
TEST_BEAT = 5  # the run goes on; the map is empty
TEST_END = 6  # the run has ended: {"exit", "outcome", "reason"?, "duration", "dropped"?}

STYLE_PERCENT = 0  # message = template % args
STYLE_EVENT = 1  # message = template; the values are in fields
STYLE_TEXT = 2  # the text varies per call: args is the message, template is nil

MORE_EXCEPTION = "x"  # {"type", "message", "stacktrace", "arguments"?: {name: representation}}
MORE_MESSAGE = "m"  # the finished message, where an argument could not travel as it was
MORE_TRACE = "t"  # W3C trace id, 32 hex digits
MORE_SPAN = "s"  # span id, 16 hex digits
MORE_THREAD = "h"  # number of a thread definition; absent: the main thread
MORE_STACK = "k"  # stack_info text
MORE_DEGRADED = "d"  # names of fields that did not arrive as they were logged
MORE_TEST = "c"  # id of the test case that caused the record

CONTENT_TYPE = "application/vnd.pylogtap.slice"

_FRAME = struct.Struct("<II")
_U32 = struct.Struct("<I")


class DamagedFrame(ValueError):
    """A frame's check does not fit its payload and place."""

    def __init__(self, offset: int, following: int) -> None:
        """
        Say where the damage is.

        Args:
            offset: Byte offset of the frame in its segment.
            following: Byte offset of the frame behind it.
        """
        super().__init__(f"damaged frame at byte {offset}")
        self.offset = offset
        self.following = following


def salt_of(segment_id: bytes) -> int:
    """Return what the checks of this segment's frames are mixed with."""
    number: int = _U32.unpack(segment_id[:4])[0]
    return number


def frame_size(payload_length: int) -> int:
    """Return the bytes that a payload of this length takes in a segment, header and padding included."""
    return (payload_length + 15) & -8


def split_frames(data: bytes, base: int, salt: int) -> tuple[list[tuple[int, bytes]], int]:
    """
    Cut a slice into its committed payloads.

    Args:
        data: The slice; may end anywhere.
        base: Byte offset of the slice in its segment.
        salt: From :func:`salt_of`.

    Returns:
        ``(offset, payload)`` of each committed frame, and the offset behind the last complete frame:
        a frame that is still reserved, or cut by the end of the slice, is to be sent again.

    Raises:
        DamagedFrame: A check does not fit. What stands before it was sound.
    """
    frames: list[tuple[int, bytes]] = []
    position, size = 0, len(data)
    unpack, crc32 = _FRAME.unpack_from, zlib.crc32
    while position + FRAME_HEADER <= size:
        length, check = unpack(data, position)
        if not length or length & RESERVED:
            break
        following = position + (((length & ~FLAGS) + 15) & -8)
        if following > size:
            break
        if not length & ABORTED:
            payload = data[position + 8 : position + 8 + length]
            if check != crc32(payload) ^ salt ^ (base + position):
                raise DamagedFrame(base + position, base + following)
            frames.append((base + position, payload))
        position = following
    return frames, base + position


def count_records(body: bytes) -> int:
    """
    Return how many records a slice of whole frames holds, definitions and aborted frames not among them.

    Args:
        body: The slice.
    """
    words, position, size, count = memoryview(body).cast("I"), 0, len(body) - FRAME_HEADER, 0
    while position < size:
        length = words[position >> 2]
        if not length & FLAGS and body[position + 9]:  # the item behind the array's head: 0 is a definition
            count += 1
        position += ((length & ~FLAGS) + 15) & -8
    return count
