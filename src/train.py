"""python src/train.py --config configs/multi_task_config.json: train, the second of the paper's commands."""

import sys

from echoduet.cli.paper import train

if __name__ == "__main__":
    sys.exit(train(sys.argv[1:]))
