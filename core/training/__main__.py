"""``afterglow train`` in several processes: ``torchrun --nproc-per-node=2 -m afterglow.core.training ARGUMENTS…``."""

from __future__ import annotations

import sys

from afterglow.repl.__main__ import main

if __name__ == "__main__":
    sys.argv[1:1] = ["train"]
    main()
