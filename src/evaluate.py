"""python src/evaluate.py --model models/multi_task_model.pth: score, the third of the paper's commands."""

import sys

from echoduet.cli.paper import evaluate

if __name__ == "__main__":
    sys.exit(evaluate(sys.argv[1:]))
