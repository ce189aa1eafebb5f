// What is told in words: grounds of a refusal, how sure an answer is, what a number means.

export const NOTICE = "Research use only. Not a BI-RADS category.";

export const LABELS = {
  malignant: "Malignant",
  benign: "Benign",
  normal: "Normal",
  outlined: "Outlined",
  refused: "Refused",
  failed: "Not read",
  waiting: "Waiting",
};

/** Each ground of a refusal: what is wrong, and what to do. */
export const GROUNDS = {
  not_ultrasound: [
    "This does not look like an ultrasound picture.",
    "Add the B-mode picture as the scanner saved it, not a photograph or a document.",
  ],
  colour_doppler: [
    "There is colour Doppler in the picture.",
    "Take a frame of the same place without the colour overlay: the network only knows gray B-mode.",
  ],
  multi_panel: ["The picture holds several panels.", "Save or crop each panel as a picture of its own."],
  too_small: ["The picture is too small.", "Take the original, not a thumbnail or a reduced copy."],
  out_of_distribution: [
    "The picture is unlike those that the network was trained on.",
    "Check that it is a B-mode picture of the breast, uncropped and without large overlays.",
  ],
};

/** A share in percent, with a space that does not break. */
export const percent = (value) => `${Math.round(100 * value)}\u00a0%`;

/** A verdict in one line, for the worklist and for screen readers. */
export function verdictText({ verdict, probability }) {
  return probability === null || probability === undefined ? LABELS[verdict] : `${LABELS[verdict]} ${percent(probability)}`;
}

/**
 * What the probability of the verdict means, as far as the model was measured; null where it was not.
 *
 * The share is told only where the measured error is small, there are cases enough, and the verdict is the most probable class:
 * it is for that one that the calibration was measured.
 */
export function calibrationText(calibration, { label, probabilities }) {
  if (!calibration) return null;
  const { ece, n, text } = calibration;
  const top = Math.max(...Object.values(probabilities));
  const trusted = typeof ece === "number" && ece <= 0.05 && n >= 200 && probabilities[label] === top;
  const share = `Of 100 images answered "${label}" at ${percent(top)}, about ${Math.round(100 * top)} were ${label}.`;
  return [trusted ? share : "", text].filter(Boolean).join(" ") || null;
}

/**
 * What a probability of malignant was worth where the model was measured: of images scored in the same range, how many were
 * malignant. Null where there were fewer than ten, of which nothing can be said.
 */
export function malignantText(calibration, probabilities) {
  const value = probabilities.malignant;
  const bin = calibration?.malignant_bins?.find(({ low, high }) => value <= high && (value > low || low === 0));
  if (!bin || bin.n < 10) return null;
  const range = `${Math.round(100 * bin.low)} to ${Math.round(100 * bin.high)} %`;
  return `Of ${bin.n} images the model had not seen and scored ${range} malignant, ${bin.malignant} were.`;
}

function scale(value, words) {
  return words.find(([limit]) => value < limit)[1];
}

/** How far the readings lie apart, a sentence for the outline and one for the class. */
export function uncertaintyTexts(uncertainty, label) {
  if (!uncertainty) return ["There was one reading only, so nothing is known about how firm the answer is."];
  const { readings, outline, classes } = uncertainty;
  const told = [];
  if (typeof outline === "number") {
    const how = scale(outline, [
      [0.05, "agree on the outline"],
      [0.15, "differ a little about the outline"],
      [1, "disagree about the outline"],
    ]);
    told.push(`The ${readings} readings ${how} (mean spread ${outline.toFixed(2)}).`);
  }
  const spread = classes?.[label];
  if (typeof spread === "number") {
    const how = scale(spread, [
      [0.05, "firm"],
      [0.15, "somewhat unsteady"],
      [1, "unsteady"],
    ]);
    const points = spread < 0.005 ? "less than a point" : `±\u00a0${Math.round(100 * spread)} points`;
    told.push(`The ${label} probability is ${how}: ${points} between readings.`);
  }
  return told;
}

export function sizeText({ width, height, spacing }) {
  const pixels = `${width} × ${height} px`;
  return spacing ? `${pixels} · ${spacing.column.toFixed(3)} mm per pixel` : `${pixels} · size of a pixel not known`;
}

/** Tenths of a millimetre, or whole pixels: more would be more than is known. */
const size = (value, unit) => value.toFixed(unit === "mm" ? 1 : 0);

/** The rows of the table of lesions: what is measured, in what, how it is written, and what it means. */
export const MEASURES = [
  ["Area", (unit) => `${unit}²`, ({ area, unit }) => size(area, unit), "Area of the outlined pixels"],
  [
    "Longest × shortest",
    (unit) => unit,
    ({ longest, shortest, unit }) => `${size(longest, unit)} × ${size(shortest, unit)}`,
    "Longest and shortest diameter (Feret)",
  ],
  ["Width / height", () => "", (lesion) => lesion.width_height_ratio.toFixed(2), "Below 1 is taller than wide"],
  ["Orientation", () => "", (lesion) => `${Math.round(lesion.orientation)}°`, "Of the longest diameter to the horizontal"],
  ["Circularity", () => "", (lesion) => lesion.circularity.toFixed(2), "1 is a disc"],
];
