"""Prediction refining (PR) of the paper: the two answers are made to agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from echoduet.records import Label, Prediction


def refine(prediction: Prediction) -> Prediction:
    """Return `prediction` with mask and class in agreement (the paper's PR).

    A class answered normal empties the mask; an empty mask makes the class normal. The probabilities stay as they
    were: they are the network's, and a ranking metric must not see the rule. A prediction that lacks a mask or a
    class has nothing to agree with and is returned as it is.
    """
    if prediction.mask is None or prediction.label is None:
        return prediction
    if prediction.label is Label.NORMAL:
        return replace(prediction, mask=np.zeros_like(prediction.mask))
    if not prediction.mask.any():
        return replace(prediction, label=Label.NORMAL)
    return prediction
