"""What was sold in an interval."""

import csv
import json
from datetime import datetime
from pathlib import Path


def total(start, end):
    with Path("work", f"{start[:10]}.csv").open(newline="") as file:
        amounts = [float(amount) for _, amount in csv.reader(file)]
    day = {"start": iso(start), "end": iso(end), "orders": len(amounts), "total": sum(amounts)}
    Path("out").mkdir(exist_ok=True)
    Path("out", f"{start[:10]}.json").write_text(json.dumps(day) + "\n")


def iso(instant):
    return datetime.fromisoformat(instant).isoformat()
