"""What a server does beside requests, and what that must not cost them."""

from __future__ import annotations

import gc

from holdfast import upkeep


def test_the_collector_passes_over_what_was_there_at_the_start() -> None:
    try:
        upkeep.spare_collections()
        assert gc.get_freeze_count() > len(gc.get_objects())
    finally:
        gc.unfreeze()
