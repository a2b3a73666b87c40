"""Where tasks and results of celery stand: in files, so that it needs no broker."""

from __future__ import annotations

import os
from pathlib import Path

from celery import Celery

_folder = Path(os.environ["FAULTS_FOLDER"])
for name in ("queue", "control", "results"):
    (_folder / name).mkdir(exist_ok=True)
app = Celery("faults", broker="filesystem://", backend=f"file://{_folder / 'results'}")
app.conf.update(
    broker_transport_options={
        "data_folder_in": str(_folder / "queue"),
        "data_folder_out": str(_folder / "queue"),
        "control_folder": str(_folder / "control"),
        "polling_interval": 0.01,
    },
    broker_connection_retry_on_startup=False,
    worker_prefetch_multiplier=4,
)
