"""``python -m qfxc`` is the ``qfxc`` command."""

import sys

from qfxc.cli import main

if __name__ == "__main__":
    sys.exit(main())
