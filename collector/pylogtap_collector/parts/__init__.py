"""
Records by columns: how some thousands of them lie together, in memory and sealed, and how they are searched.

Pure: no SQL, no clock, no tasks. A :class:`~pylogtap_collector.parts.part.Part` is what all of it is about.
"""
