"""Messages of a port that takes syslog, GELF, JSON lines and text: what each is, and what it means; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pylogtap.text.parser import PART
from pylogtap_collector.errors import Undecodable
from pylogtap_collector.taps.entries import Entry
from pylogtap_collector.taps.frames import MAX_FRAME, FrameCutter
from pylogtap_collector.taps.gelf import GZIP as _GZIP
from pylogtap_collector.taps.gelf import entry_of_gelf, is_gelf, is_zlib, unpack
from pylogtap_collector.taps.joining import Line
from pylogtap_collector.taps.jsonlines import entry_of, read_line, take_key
from pylogtap_collector.taps.syslog import Message, entry_of_syslog, read_syslog

if TYPE_CHECKING:
    from pylogtap_collector.taps.frames import Frame
    from pylogtap_collector.wire import Place

Item = Message | dict[str, Any] | str


def divide(data: bytes, now_ns: int) -> Item:
    """
    Return what a message is: syslog, an object of JSON, or text.

    Args:
        data: One message, without framing.
        now_ns: The present, ns since the epoch.
    """
    if data[:1] == b"{":
        try:
            return read_line(data.rstrip(b"\0"))
        except Undecodable:
            pass
    elif data[:1] == b"<":
        message = read_syslog(data, now_ns)
        if message.text != data.decode("utf-8", "backslashreplace"):
            return message
    return data.rstrip(b"\r\n\0").decode("utf-8", "backslashreplace")


def shown_key(item: Item) -> str | None:
    """Return the key of the collector that a message shows, and remove it: it is not to be stored."""
    if isinstance(item, Message):
        return item.take_key()
    return take_key(item) if isinstance(item, dict) else None


def messages_of(datagram: bytes, limit: int) -> list[bytes]:
    """
    Return the messages of a datagram.

    Args:
        datagram: As it came, or put together of its parts.
        limit: Bytes that it may have, decompressed.

    Raises:
        Undecodable: It is damaged, or too large.
    """
    if datagram.startswith(_GZIP) or is_zlib(datagram):
        datagram = unpack(datagram, limit)
    if datagram[:1] == b"{":
        try:
            read_line(datagram.rstrip(b"\r\n\0"))
        except Undecodable:
            pass  # several lines, or text
        else:
            return [datagram]
    cutter = FrameCutter(max(MAX_FRAME, len(datagram)))
    return [frame.data for frame in (*cutter.feed(datagram), *cutter.flush())]


class FrameReader:
    """Reads the messages of one stream; knows where the parts of a long one belong."""

    def __init__(self) -> None:
        self._head: Entry | None = None

    def read(self, frame: Frame, item: Item, default: Place, now_ns: int) -> Entry | Line:
        """
        Return what a message means: an entry, or a line of text.

        Args:
            frame: The message as it came.
            item: What it is.
            default: The place, as far as it does not say it.
            now_ns: The present, ns since the epoch.
        """
        if frame.part > 1 and self._head is not None:
            text = frame.data.decode("utf-8", "backslashreplace")
            return self._head._replace(message=text, fields={**self._head.fields, PART: frame.part})
        if isinstance(item, str) and not frame.part:
            return Line("", item, Entry(default, ""))
        entry = Entry(default, item) if isinstance(item, str) else entry_of_item(item, default, now_ns)
        if frame.part:
            entry = entry._replace(fields={**entry.fields, PART: frame.part})
            self._head = entry
        return entry


def entry_of_item(item: Message | dict[str, Any], default: Place, now_ns: int) -> Entry:
    """
    Return the entry that a message means which is more than text.

    Args:
        item: That.
        default: The place, as far as it does not say it.
        now_ns: The present, ns since the epoch.
    """
    if isinstance(item, Message):
        return entry_of_syslog(item, default, now_ns)
    return entry_of_gelf(item, default, now_ns) if is_gelf(item) else entry_of(item, default, now_ns)
