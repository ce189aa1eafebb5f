"""python src/curate.py [FOLDER]: curate data/Dataset_BUSI_with_GT, the first of the paper's commands."""

import sys

from echoduet.cli.paper import curate

if __name__ == "__main__":
    sys.exit(curate(sys.argv[1:]))
