"""Which connection goes where there are too many."""

from __future__ import annotations

from pylogtap_collector.crowd import Crowd


class Guest:
    """A connection that does what it is told."""

    def __init__(self, *, busy: bool = False) -> None:
        """Begin, at work or not."""
        self.busy = busy
        self.gone = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing is done for it."""
        return not self.busy

    def give_up(self) -> None:
        """Go."""
        self.gone = True


def test_the_oldest_that_asks_nothing_goes() -> None:
    """Before one that is in, and before the new one is refused."""
    crowd = Crowd(2, 2)
    inside, waiting, last = Guest(), Guest(), Guest()
    assert crowd.admit(inside, "a")
    entered = Guest()
    crowd.enter(inside, entered)
    assert crowd.admit(waiting, "b")
    assert crowd.admit(last, "c")
    assert (entered.gone, waiting.gone, last.gone, len(crowd)) == (False, True, False, 2)
    crowd.enter(last, busy := Guest(busy=True))
    assert crowd.admit(Guest(), "d")
    assert (entered.gone, busy.gone) == (True, False)


def test_who_is_served_stays() -> None:
    """Where all are busy, a new one is refused."""
    crowd = Crowd(1, 1)
    door = Guest()
    assert crowd.admit(door, "a")
    crowd.enter(door, busy := Guest(busy=True))
    assert not crowd.admit(Guest(), "b")
    crowd.leave(busy)
    assert crowd.admit(Guest(), "b")


def test_an_address_takes_no_room_from_others() -> None:
    """One that has all it may have makes room of its own."""
    crowd = Crowd(10, 2)
    other, first = Guest(), Guest()
    assert crowd.admit(other, "b")
    assert crowd.admit(first, "a")
    assert crowd.admit(Guest(), "a")
    assert crowd.admit(Guest(), "a")
    assert (other.gone, first.gone, len(crowd)) == (False, True, 3)


def test_headers_that_do_not_end_are_bounded_together() -> None:
    """Those go that have held the most for longest."""
    crowd = Crowd(10, 10)
    guests = [Guest() for _ in range(3)]
    for guest in guests:
        assert crowd.admit(guest, "a")
        crowd.hold(guest, 7 << 20)
    assert [guest.gone for guest in guests] == [True, False, False]
