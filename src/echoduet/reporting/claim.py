"""The checklist CLAIM 2024 (Tejani et al., Radiology: Artificial Intelligence 2024), as far as a release can answer it.

The items are named in our own words, by their numbers in the checklist. An answer is either known from the run or named
as something that people must add: nothing is answered by assumption.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template

PUBLISHER = "**To be filled in by whoever publishes results with it.**"
DATA_HOLDER = "**To be filled in by whoever collected the data**; the run knows files, not patients."


@dataclass(frozen=True, slots=True)
class Item:
    """One item: its number, its matter, and the answer, in which `$name` stands for a fact of the run."""

    number: int
    matter: str
    answer: str


ITEMS: Sequence[Item] = (
    Item(
        1, "Title names the AI method", "Deep learning: a convolutional network that segments and classifies at once."
    ),
    Item(2, "Structured abstract", PUBLISHER),
    Item(3, "Background, intended use and role", "See *Intended use*. " + PUBLISHER),
    Item(4, "Aims and hypotheses", PUBLISHER),
    Item(5, "Prospective or retrospective", "Retrospective: images that were there before."),
    Item(6, "Study goal", "Model creation, with internal testing by $folds-fold cross-validation."),
    Item(7, "Data sources", "$about List of cases SHA-256 `$manifest`."),
    Item(8, "Inclusion and exclusion criteria", "Every case of the list, $n images. Why these: " + DATA_HOLDER),
    Item(9, "Preprocessing", "Gray, $preprocess."),
    Item(10, "Selection of subsets", "None beyond the list of cases."),
    Item(11, "De-identification", DATA_HOLDER),
    Item(
        12,
        "Missing data",
        "$unoutlined lesion images have no outline: no mask score, but one of the class.",
    ),
    Item(13, "Image acquisition protocol", DATA_HOLDER),
    Item(14, "How the reference standard was obtained", DATA_HOLDER),
    Item(15, "Why that reference standard", DATA_HOLDER),
    Item(16, "Who annotated", DATA_HOLDER),
    Item(17, "Annotation of the test set", "As the rest: each case is in the test part of one fold. " + DATA_HOLDER),
    Item(18, "Variability of readers", DATA_HOLDER),
    Item(19, "How cases were assigned to partitions", "$split"),
    Item(20, "Level at which partitions are disjoint", "$level"),
    Item(21, "Intended sample size", "None was computed: all $n images that the list has."),
    Item(
        22,
        "Description of the model",
        "`$architecture`, members: $members; the bundle holds every key of the configuration.",
    ),
    Item(23, "Software", "$versions; git revision `$revision`."),
    Item(24, "Initialisation", "$initial"),
    Item(25, "Training", "$training"),
    Item(26, "How the final model was selected", "$selection"),
    Item(27, "Ensembling", "$ensembling"),
    Item(28, "Metrics", "See *Results*; conventions in `metrics.json`."),
    Item(29, "Uncertainty", "95 % intervals by bootstrap over groups of copies; standard deviation over folds."),
    Item(30, "Robustness or sensitivity analysis", PUBLISHER),
    Item(31, "Explainability", "The outline shows what was taken for the lesion; nothing further is computed here."),
    Item(32, "Testing on internal data", "Out of fold, $n images: see *Results*."),
    Item(33, "Testing on external data", "None in this card. " + PUBLISHER),
    Item(34, "Registration of a trial", "Not a clinical trial."),
    Item(35, "Numbers included and excluded", "$n images, $groups independent groups: $classes. " + DATA_HOLDER),
    Item(36, "Demographic and clinical characteristics", DATA_HOLDER),
    Item(37, "Performance with uncertainty", "See *Results*."),
    Item(38, "Diagnostic accuracy and its precision", "See *Working points for malignant*."),
    Item(
        39,
        "Failure analysis",
        "Confusion matrix above; every case in `$rows`. The reasons: " + PUBLISHER,
    ),
    Item(40, "Limitations", "See *Limits*."),
    Item(41, "Implications for practice", "None may be drawn: research use only."),
    Item(42, "Full protocol", "Code, configuration and this card; git revision `$revision`."),
    Item(
        43,
        "Availability",
        "Software and model: in this repository. Data: from their publishers.",
    ),
    Item(44, "Funding", PUBLISHER),
)


def checklist(facts: Mapping[str, str]) -> list[tuple[int, str, str]]:
    """Return number, matter and answer of each item, the facts of the run filled in.

    Raises:
        KeyError: a fact that an answer needs is missing.
    """
    return [(item.number, item.matter, Template(item.answer).substitute(facts)) for item in ITEMS]
