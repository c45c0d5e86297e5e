"""What serving stands on: training and foreign formats bring libraries that a search never loads."""

import subprocess
import sys

TRAINING_ONLY = ("lightgbm", "onnxruntime")


def test_serving_loads_no_library_of_training() -> None:
    """Composing and serving a market imports none of them, so a server runs without them."""
    code = (
        "import sys, mercer.app, mercer.serving, mercer.engines.embedded.models\n"
        f"print([name for name in {TRAINING_ONLY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
