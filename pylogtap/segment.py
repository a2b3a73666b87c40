"""A segment: the file that logging calls write into and the shipper reads slices from, see pylogtap.wire."""

from __future__ import annotations

import errno
import mmap
import os
import struct
import time
import zlib
from contextlib import suppress

from pylogtap.errors import OtherVersion, SpoolError
from pylogtap.wire import (
    FLAGS,
    FRAME_HEADER,
    HEADER_SIZE,
    MAGIC,
    MAX_RECORD_BYTES,
    MAX_SEGMENT_BYTES,
    frame_size,
    salt_of,
)

_CREATED = struct.Struct("<Q")
_FAMILY = MAGIC[:6]  # which the segments of all versions begin with
_CHECKED = slice(0, 32)  # of the header: what its check is of
_CHECK, _ORDER = 8, 9  # of the header's 32-bit words: its check, and which of its process's segments it is
_NO_FALLOCATE = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
_POPULATE_WRITE = 23  # MADV_POPULATE_WRITE, Linux 5.14 and later
_POPULATED_AT_ONCE = 64 << 10  # bytes; the GIL is held meanwhile
SUFFIX = ".seg"


class Segment:
    """
    One mapped segment.

    ``words`` is the same memory as aligned 32-bit numbers: storing one of them is a single machine store,
    which is what makes a commit atomic (``struct.pack_into`` zeroes its target first).

    Attributes:
        end: Offset behind the last frame, once no more will be appended; 0 while the segment is current.
        acked: Offset up to which the collector has it; goes back when a collector asks for it.
        counted: Offset up to which delivered records have been counted.
        gap: Where the bytes right before `acked` begin that were passed over, and not told yet; or None.
    """

    __slots__ = (
        "acked",
        "counted",
        "end",
        "fd",
        "gap",
        "id",
        "memory",
        "path",
        "resting",
        "salt",
        "size",
        "words",
    )

    def __init__(self, path: str | None, fd: int, memory: mmap.mmap) -> None:
        """
        Wrap memory that holds a complete header.

        Args:
            path: Its file; None for memory that no file stands behind.
            fd: The open file, or -1.
            memory: The mapping, writable and shared.

        Raises:
            OtherVersion: It holds a segment that another version of this library can read.
            SpoolError: The memory does not hold a segment.
        """
        self.path, self.fd, self.memory = path, fd, memory
        self.size = len(memory)
        if memory[:6] == _FAMILY and memory[7:8] == b"\0" and memory[6:7].isalnum() and memory[:8] != MAGIC:
            raise OtherVersion(f"{path} is a segment of another version")
        if memory[:8] != MAGIC or self.size <= HEADER_SIZE:
            raise SpoolError(f"{path} is no segment")
        self.words = memoryview(memory).cast("I")
        if self.words[_CHECK] not in (0, zlib.crc32(memory[_CHECKED])):  # before 1.0 there was none
            self.words.release()
            raise SpoolError(f"the header of {path} is damaged")
        self.id = bytes(memory[8:24])
        self.salt = salt_of(self.id)
        self.end = 0
        self.acked = self.counted = HEADER_SIZE
        self.gap: int | None = None

    @property
    def order(self) -> int:
        """Which of its process's segments it is, from 1; clocks would not tell, as they jump."""
        return self.words[_ORDER]

    @order.setter
    def order(self, number: int) -> None:
        self.words[_ORDER] = number

    def close(self) -> None:
        """Unmap it. Nobody may be writing into it."""
        self.words.release()
        self.memory.close()
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def remove(self) -> None:
        """Unmap it and delete its file."""
        self.close()
        if self.path is not None:
            with suppress(OSError):  # gone, or to stay: an adopter's collector knows what is in it
                os.unlink(self.path)

    def populate(self) -> None:
        """Have the kernel provide the pages now, so that a logging call need not wait for a page fault."""
        with suppress(OSError, ValueError):  # an older kernel: pages come when they are touched
            for offset in range(0, self.size, _POPULATED_AT_ONCE):
                length = min(_POPULATED_AT_ONCE, self.size - offset)
                self.memory.madvise(_POPULATE_WRITE, offset, length)

    def rest(self) -> None:
        """Give the mapped pages back. What they hold stays with the file; who reads gets them again."""
        if self.fd >= 0:
            with suppress(OSError, ValueError):  # it was delivered and removed meanwhile
                self.memory.madvise(mmap.MADV_DONTNEED)

    def cut_tail(self, kept: int) -> None:
        """
        Give the disk back what will not be used: short programs without a collector leave many segments.

        Args:
            kept: Bytes to leave behind `end`, where no more frames are reserved; calls write before it only.
        """
        size = (self.end + kept + mmap.PAGESIZE - 1) & -mmap.PAGESIZE
        if self.fd >= 0 and size < self.size:
            with suppress(OSError):
                os.ftruncate(self.fd, size)

    def put(self, payload: bytes, offset: int) -> int:
        """Write a frame where nobody else writes yet, and return the offset behind it."""
        length = len(payload)
        self.memory[offset + 8 : offset + 8 + length] = payload
        self.words[(offset >> 2) + 1] = zlib.crc32(payload) ^ self.salt ^ offset
        self.words[offset >> 2] = length
        return offset + frame_size(length)

    def behind(self, offset: int) -> int:
        """Return the offset behind the frame that begins at one."""
        return offset + frame_size(self.words[offset >> 2] & ~FLAGS)

    def leave_gap(self, offset: int) -> None:
        """Pass bytes over from here to where `acked` will be, unless a gap ends here already."""
        if self.gap is None:
            self.gap = offset

    def chain_end(self, offset: int = HEADER_SIZE) -> int:
        """Return the offset where the chain of frames from here ends: behind the last one, or at damage."""
        while offset + FRAME_HEADER <= self.size:
            length = self.words[offset >> 2] & ~FLAGS
            following = offset + frame_size(length)
            if not length or length > MAX_RECORD_BYTES or following > self.size:
                break
            offset = following
        return offset

    def next_sound(self, offset: int) -> int:
        """Return the offset of the next committed frame whose check fits, or the size where there is none."""
        for candidate in range(offset + 8, self.size - FRAME_HEADER, 8):
            length, check = self.words[candidate >> 2], self.words[(candidate >> 2) + 1]
            if 0 < length <= min(MAX_RECORD_BYTES, self.size - candidate - FRAME_HEADER):
                payload = self.memory[candidate + 8 : candidate + 8 + length]
                if check == zlib.crc32(payload) ^ self.salt ^ candidate:
                    return candidate
        return self.size

    def resume(self) -> int | None:
        """
        Find where sound frames go on behind the end of the chain, which a power cut may have torn.

        Returns:
            Their offset, with `end` moved to the end of that chain; the size, where only torn bytes follow;
            None where nothing follows.
        """
        if not self.memory[self.end :].strip(b"\0"):
            return None
        sound = self.next_sound(self.end)
        self.end = self.chain_end(sound) if sound < self.size else self.size
        return sound


def create_file(directory: str, stem: str, size: int) -> Segment:
    """
    Make a segment file.

    It appears under its name only when it is complete, and its blocks are really reserved: a sparse file
    would turn a full disk into SIGBUS inside a logging call.

    Args:
        directory: Where.
        stem: Beginning of its name; who owns it.
        size: Bytes.

    Raises:
        OSError: There is no room or no permission; nothing is left behind.
    """
    identity = os.urandom(16)
    name = f"{stem}-{time.time_ns():020d}-{identity.hex()[:8]}{SUFFIX}"
    draft, final = os.path.join(directory, f".{name}.tmp"), os.path.join(directory, name)
    fd = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        _reserve(fd, size)
        os.pwrite(fd, _header(identity), 0)
        os.rename(draft, final)
        return Segment(final, fd, mmap.mmap(fd, size))
    except BaseException:
        os.close(fd)
        for path in (draft, final):
            with suppress(OSError):
                os.unlink(path)
        raise


def create_memory(size: int) -> Segment:
    """Make a segment that no file stands behind: for where there is no usable directory."""
    memory = mmap.mmap(-1, size)
    header = _header(os.urandom(16))
    memory[: len(header)] = header
    return Segment(None, -1, memory)


def open_file(path: str) -> Segment:
    """
    Map a segment that another process left.

    Raises:
        SpoolError: It is no segment, or of another version, or cut short.
        OSError: It cannot be opened.
    """
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:  # what somebody has put behind a segment is no part of it
        segment = Segment(path, fd, mmap.mmap(fd, min(os.fstat(fd).st_size & -8, MAX_SEGMENT_BYTES)))
    except ValueError as error:  # an empty file cannot be mapped
        os.close(fd)
        raise SpoolError(f"{path} is no segment: {error}") from error
    except BaseException:
        os.close(fd)
        raise
    segment.end = segment.chain_end()
    return segment


def _header(identity: bytes) -> bytes:
    checked = MAGIC + identity + _CREATED.pack(time.time_ns())
    return checked + zlib.crc32(checked).to_bytes(4, "little")


def _reserve(fd: int, size: int) -> None:
    try:
        os.posix_fallocate(fd, 0, size)
    except OSError as error:
        if error.errno not in _NO_FALLOCATE:
            raise
        zeros = bytes(1 << 16)
        for offset in range(0, size, len(zeros)):
            os.pwrite(fd, zeros[: size - offset], offset)
