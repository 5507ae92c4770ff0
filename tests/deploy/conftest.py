"""Makes this folder's own module importable under the importlib mode."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
