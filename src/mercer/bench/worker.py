"""Running what is measured in a fresh process, so that nothing that was done before counts."""

import json
import subprocess
import sys
from typing import Any

from mercer.schema.errors import MarketError


def run_worker(module: str, job: dict[str, Any]) -> dict[str, Any]:
    """`python -m module`, with the job as JSON on stdin; the JSON object on its stdout.

    Its stderr is ours. Raises MarketError where it failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", module],
        input=json.dumps(job),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise MarketError(
            f"the measuring process {module} ended with status {done.returncode}; "
            "what it said is above"
        )
    try:
        return dict(json.loads(done.stdout))
    except (ValueError, TypeError):
        raise MarketError(
            f"the measuring process {module} printed no JSON object: {done.stdout[:200]!r}"
        ) from None
