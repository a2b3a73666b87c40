"""
A process's crash-proof queue: a logging call appends, the shipper takes slices, a later process adopts.

What :meth:`Spool.append` has returned from is in memory that the kernel keeps when the process dies.
CPython with the GIL (3.11 and later) switches threads and runs signal handlers only at calls, backward
jumps and function entries; a straight run of loads, integer arithmetic and stores is atomic. `append`
reserves its frame in such a run and needs no lock. Interpreters without that guarantee take the lock.
"""

from __future__ import annotations

import errno
import mmap
import os
import sys
import time
import zlib
from _thread import RLock
from collections import Counter, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pylogtap import forking
from pylogtap import losses as notes
from pylogtap import segment as segments
from pylogtap.errors import SpoolFull
from pylogtap.owner import Owner
from pylogtap.sites import SiteTable
from pylogtap.wire import ABORTED, HEADER_SIZE, MAX_SEGMENT_BYTES, RESERVED, count_records, frame_size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pylogtap.segment import Segment

LOCKFREE = sys.implementation.name == "cpython" and getattr(sys, "_is_gil_enabled", lambda: True)()
LAST_WORDS = 512  # bytes at the end of a segment, kept for telling what was dropped when the process ends
MEMORY_BYTES = 16 << 20  # most that waits in memory where no file can be made
STORED, STALE, DROPPED = 1, 0, -1
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_RETRY_AFTER_S = 0.1  # a full disk must not cost every call a failed allocation
_SPARE_S = 1.0  # that making a segment may take at the end; a disk may hang
_ATTEMPTS = 100  # to find room that others keep taking

_crc32 = zlib.crc32
open_stems: set[str] = set()  # of this process's spools: its own locks would not keep it from adopting them
os.register_at_fork(after_in_child=open_stems.clear)  # the parent's


class Spool:
    """
    The segments of one process for one collector.

    Attributes:
        table: The call sites defined in the current segment; what is appended must have used this one.
        dropped: Records dropped since the start, by reason.
    """

    def __init__(
        self,
        directory: str | None,
        opening: Callable[[Mapping[str, int]], list[bytes]],
        *,
        max_bytes: int = 64 << 20,
        segment_bytes: int = MAX_SEGMENT_BYTES,
        place: str = "",
        on_rotate: Callable[[], None] = lambda: None,
        on_fork: Callable[[], None] = lambda: None,
        on_missing: Callable[[], object] = lambda: None,
    ) -> None:
        """
        Open the queue.

        Args:
            directory: Where its files stand; None: in memory only, lost when the process dies.
            opening: Makes the payloads that each segment begins with, from what was dropped before it.
            max_bytes: Most that all segments together may take.
            segment_bytes: Size of one segment.
            place: Where what was dropped belongs, for who adopts the segments.
            on_rotate: Called when a segment is full.
            on_fork: Called in a forked child once it has segments of its own.
            on_missing: Called where the directory has gone, to make it again.

        Raises:
            OSError: The directory cannot be written.
        """
        self.directory = directory
        self._opening, self._on_rotate, self._on_fork = opening, on_rotate, on_fork
        self._on_missing = on_missing
        self._segment_bytes = min(segment_bytes, max_bytes // 2 & -mmap.PAGESIZE)  # two there are always
        self._place = place
        self._max_segments = max(2, max_bytes // segment_bytes)
        if not LOCKFREE:
            self.append = self._append_locked  # type: ignore[method-assign]
        self._begin()
        try:
            self._open(self._create)
        except OSError:
            open_stems.discard(self.stem)
            self._owner.release(directory, self.stem, left=False)
            raise
        self._guard = forking.fork_guard()

    def _begin(self) -> None:
        self.lock = RLock()
        self._owner = Owner()
        self.dropped: Counter[str] = Counter()
        self._losses: Counter[str] = Counter()  # dropped, and not yet told in the stream
        self._retry_at, self._refusal = 0.0, "disk_full"
        self._order = 0  # of the segment that was put to use last
        self._unsynced = False  # the directory has names that a power cut may take
        self.full: deque[Segment] = deque()
        self._spare: Segment | None = None
        self._sparing = RLock()  # held while one is made

    def _open(self, create: Callable[[], Segment]) -> None:
        self._closed = False
        self.stem = f"{os.getpid()}-{os.urandom(6).hex()}"
        open_stems.add(self.stem)
        losses, self._losses = self._losses, Counter()
        first, table, start = self._prepared(create(), losses)
        self.current, self.table, self._start = first, table, HEADER_SIZE if losses else start
        self._memory, self._words, self._salt = first.memory, first.words, first.salt
        self._offset, self._capacity = start, first.size - LAST_WORDS

    # What a logging call runs.

    def append(self, payload: bytes, table: SiteTable) -> int:
        """
        Keep a payload.

        Args:
            payload: One msgpack array, see pylogtap.wire.
            table: The table whose numbers it uses.

        Returns:
            STORED; or STALE: the segment has changed, encode again with :attr:`table`; or DROPPED, counted.
        """
        if self._guard[0] != 1:
            self.after_fork()
        length = len(payload)
        check = _crc32(payload)
        # No call from here ...
        offset = self._offset
        end = offset + ((length + 15) & -8)
        if end <= self._capacity and table is self.table:
            self._offset = end
            memory = self._memory
            words = self._words
            check ^= self._salt ^ offset
            index = offset >> 2
            words[index] = length | RESERVED  # keeps the chain walkable
            # ... to here.
            try:
                offset += 8
                memory[offset : offset + length] = payload
                words[index + 1] = check
                words[index] = length  # the commit: one aligned store
            except BaseException:  # a KeyboardInterrupt between the stores: leave a frame that is skipped
                words[index] = length | ABORTED
                raise
            return 1
        return self._append_slowly(payload, table)

    def _append_locked(self, payload: bytes, table: SiteTable) -> int:
        if self._guard[0] != 1:
            self.after_fork()
        need = frame_size(len(payload))
        with self.lock:
            if self._offset + need > self._capacity or table is not self.table:
                return self._append_slowly(payload, table)
            offset, self._offset = self._offset, self._offset + need
            memory, words, salt = self._memory, self._words, self._salt
            words[offset >> 2] = len(payload) | RESERVED
        memory[offset + 8 : offset + 8 + len(payload)] = payload
        words[(offset >> 2) + 1] = _crc32(payload) ^ salt ^ offset
        words[offset >> 2] = len(payload)
        return STORED

    def _append_slowly(self, payload: bytes, table: SiteTable) -> int:
        """Find out why a payload did not fit, and make room."""
        if table is not self.table:
            return STALE
        need = frame_size(len(payload))
        try:
            self._make_room(need)
        except SpoolFull as error:
            self.drop(str(error))
            return DROPPED
        return STALE

    def offer(self, payload: bytes) -> bool:
        """
        Keep what is no record, such as values of metrics. Where there is no room it is let go, uncounted.

        Args:
            payload: One msgpack array that uses no numbers, see pylogtap.wire.

        Returns:
            Whether it is kept.
        """
        if self._guard[0] != 1:
            self.after_fork()
        need = frame_size(len(payload))
        for _ in range(_ATTEMPTS):
            if self._offset + need > self._capacity:
                if self._closed:
                    return False
                try:
                    self._make_room(need)
                except SpoolFull:
                    return False
            state = self.append(payload, self.table)
            if state != STALE:
                return state == STORED
        return False

    def define(
        self, table: SiteTable, registry: dict[Any, int], key: Any, body: Callable[[int], bytes]
    ) -> int:
        """
        Give a number to something that many records share.

        Args:
            table: The table whose segment is to hold the definition.
            registry: The part of it that remembers the number.
            key: What is numbered.
            body: Makes the definition's payload from the number.

        Returns:
            The number, or STALE or DROPPED as :meth:`append`.
        """
        with self.lock:
            known = registry.get(key)
            if known is not None:
                return known
            table.last += 1
            number = table.last  # taken before anything can come in between: numbers are never given twice
            state = self.append(body(number), table)
            if state != STORED:
                return state
            registry[key] = number
            return number

    @property
    def max_payload(self) -> int:
        """The largest payload that certainly finds room in a segment."""
        return self._segment_bytes // 4

    def drop(self, reason: str) -> None:
        """Count a record that could not be kept."""
        with self.lock:
            self.dropped[reason] += 1
            self.lose(reason)

    def lose(self, reason: str) -> None:
        """Have it told that a record is lost that may be another process's."""
        with self.lock:
            self._losses[reason] += 1
            notes.note(self.current, reason, self._losses[reason])

    def tell_losses(self) -> None:
        """Put what was dropped into the stream now: the next segment would tell it, but may be far away."""
        with self.lock, suppress(SpoolFull):
            if self._losses and not self._closed:
                self._change_segment(self._capacity - self._offset + 1)

    def tell_last_losses(self) -> None:
        """Put what was dropped into the stream at the end of the process; a full spool has room for that."""
        with self.lock:
            if self._losses and not self._closed:
                losses, self._losses = self._losses, Counter()
                self._capacity = self.current.size
                self.append(self._opening(losses)[-1], self.table)  # of an opening, it is the last part
                for reason in losses:
                    notes.note(self.current, reason, 0)

    def _make_room(self, need: int) -> None:
        with self.lock:
            if self._offset + need <= self._capacity:
                return
            if self._closed:  # a line after the end: safe in a new segment, for others to deliver
                self._open(self._create_somewhere)
                return
            if HEADER_SIZE + LAST_WORDS + 2 * need > self._segment_bytes:
                raise SpoolFull("too_large")
            self._change_segment(need)

    def _change_segment(self, need: int) -> None:
        """
        Change to a fresh segment.

        May be re-entered by a signal handler or a finalizer of the same thread anywhere: the inner call then
        changes the segment, and the outer one finds room and gives its own new segment up.
        """
        with self.lock:
            fresh, self._spare = self._spare, None
            if fresh is None:
                fresh = self._create_in_bounds()
            losses, self._losses = self._losses, Counter()
            fresh, table, start = self._prepared(fresh, losses)
            previous = self.current
            # No call from here ...
            last = self._offset
            needed = last + need > self._capacity
            if needed:
                self._capacity = 0
                self.table = table
                self.current = fresh
                self._memory = fresh.memory
                self._words = fresh.words
                self._salt = fresh.salt
                self._offset = start
                self._start = HEADER_SIZE if losses else start  # what tells of losses has to arrive
                self._capacity = fresh.size - LAST_WORDS
            # ... to here.
            if needed:
                previous.end = last
                self.full.append(previous)
                previous.rest()
            else:
                for reason, count in losses.items():
                    self._losses[reason] += count
                    notes.note(self.current, reason, self._losses[reason])
                fresh.remove()
        self._on_rotate()

    def _prepared(self, fresh: Segment, losses: Mapping[str, int]) -> tuple[Segment, SiteTable, int]:
        """Write a segment's opening frames while nobody else sees it."""
        offset = HEADER_SIZE
        self._order = fresh.order = self._order + 1
        notes.name_place(fresh, self._place)
        for payload in self._opening(losses):
            offset = fresh.put(payload, offset)
        return fresh, SiteTable(), offset

    def _create(self) -> Segment:
        """Make a segment where it belongs: with an owner beside it, as nobody would adopt it otherwise."""
        if self.directory is None:
            return segments.create_memory(self._segment_bytes)
        self._unsynced = True
        stem = self.stem  # another thread may close the spool meanwhile, and begin anew
        if self._owner.is_seen(stem):
            with suppress(FileNotFoundError):  # the directory was moved away
                return segments.create_file(self.directory, stem, self._segment_bytes)
        if not os.path.isdir(self.directory):  # somebody has removed it
            self._on_missing()
        self._owner.take(self.directory, stem)
        return segments.create_file(self.directory, stem, self._segment_bytes)

    def _create_in_bounds(self) -> Segment:
        if len(self.full) + 1 >= self._max_segments:
            self._remove_delivered()  # the shipper would do it a moment later
        if len(self.full) + 1 >= self._max_segments:
            raise SpoolFull("spool_full")
        return self._create_somewhere()

    def _create_somewhere(self) -> Segment:
        """Make a segment, in memory where no file can be made: a kill would take that one, no other."""
        if time.monotonic() >= self._retry_at:
            try:
                return self._create()
            except OSError as error:
                self._refuse(error)
        self._remove_delivered()  # the shipper would do it a moment later
        in_memory = [each for each in (*self.full, self.current) if each.path is None]
        if (len(in_memory) + 1) * self._segment_bytes > MEMORY_BYTES:
            raise SpoolFull(self._refusal)
        try:
            return segments.create_memory(self._segment_bytes)
        except OSError as error:
            raise SpoolFull(self._refusal) from error

    def _refuse(self, error: OSError) -> None:
        self._retry_at = time.monotonic() + _RETRY_AFTER_S
        self._refusal = "disk_full" if error.errno in _FULL else "disk_unwritable"

    # What the shipper runs.

    def prepare_spare(self) -> None:
        """Have a segment ready, so that a logging call need not create one."""
        with self._sparing:
            if not self._wants_spare() or time.monotonic() < self._retry_at:
                return
            stem = self.stem
            try:
                fresh = self._create()
            except OSError as error:
                self._refuse(error)
                return
            fresh.populate()
            if not self._offer_spare(fresh, stem):
                fresh.remove()

    def _wants_spare(self) -> bool:
        return self._spare is None and not self._closed and len(self.full) + 1 < self._max_segments

    def _offer_spare(self, fresh: Segment, stem: str) -> bool:
        with self.lock:  # meanwhile a call may have made one, or the spool have begun anew under another name
            if not self._wants_spare() or stem != self.stem:
                return False
            self._spare = fresh
            return True

    def _remove_delivered(self) -> None:
        while self.full and self.full[0].acked >= self.full[0].end:
            self.full.popleft().remove()

    def waiting(self) -> list[Segment]:
        """Return the segments that hold something unsent, oldest first, and remove those that do not."""
        with self.lock:
            self._remove_delivered()
            held = list(self.full)
            if self._offset > self._start and self.current.acked < self._offset:
                held.append(self.current)
        return held

    def reserved_end(self, segment: Segment) -> int:
        """Return the offset behind a segment's last frame, committed or not."""
        with self.lock:
            return self._offset if segment is self.current else segment.end

    def unsent_bytes(self) -> int:
        """Return the bytes that wait for delivery."""
        with self.lock:
            return sum(each.end - each.acked for each in self.full) + self._offset - self.current.acked

    def unsent_records(self, *, in_memory: bool = False) -> int:
        """
        Return how many records wait for delivery.

        Args:
            in_memory: Only those that the end of the process would take.
        """
        total = 0
        for segment in self.waiting():
            if in_memory and segment.path is not None:
                continue
            with suppress(ValueError):  # it was delivered and removed meanwhile
                total += count_records(segment.memory[segment.counted : self.reserved_end(segment)])
                if segment is not self.current:
                    segment.rest()
        return total

    def sync(self) -> None:
        """Bound what a power cut can take: what is unsent goes to the disk itself."""
        for segment in self.waiting():
            if segment.fd >= 0:
                os.fdatasync(segment.fd)  # releases the GIL; mmap.flush would hold it
        if self._unsynced and self.directory is not None:  # a name may be younger than what it names
            self._unsynced = False
            with suppress(OSError):
                fd = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)

    def after_fork(self) -> None:
        """In a forked child: leave the parent's segments alone and begin own ones."""
        with forking.turn:
            if self._guard[0] == 1:  # another thread of the child has done it meanwhile
                return
            inherited = [self.current, *self.full, *([self._spare] if self._spare else [])]
            owner, self._owner = self._owner, Owner()  # a signal handler may log in here, and begin anew
            self._begin()
            self._open(self._create_somewhere)  # a full disk must not hurt who logs
            self._guard = forking.fork_guard()  # last: whoever sees it appends
            for segment in inherited:
                with suppress(OSError, BufferError):  # a thread of the parent was writing: its mapping stays
                    segment.close()
            if owner.fd >= 0:
                os.close(owner.fd)
            self._on_fork()

    def close(self) -> None:
        """Give the segments up: what is unsent stays in its files, for another process to deliver."""
        made = self._sparing.acquire(timeout=_SPARE_S)  # a spare that comes later would have no owner
        with self.lock:
            self._capacity = 0
            self._closed = True
            self.current.end = self._offset
            if self._offset == self._start:  # it holds its opening only: nothing to deliver
                self.current.acked = self._offset
            held = [*self.full, self.current]
            self.full.clear()
            spare, self._spare = self._spare, None
            if spare is not None:
                spare.remove()
            for segment in held:
                if segment.path is not None and segment.acked >= segment.end:
                    with suppress(OSError):  # somebody has removed it
                        os.unlink(segment.path)  # stays mapped: a call that is in it must not crash
                elif segment is self.current:
                    segment.cut_tail(LAST_WORDS)
            left = any(each.path is not None and each.acked < each.end for each in held)
            self._owner.release(self.directory, self.stem, left=left)
            open_stems.discard(self.stem)
        if made:
            self._sparing.release()
