// Outlines of a mask: the border between inside and outside pixels, walked around each lesion and each hole.

// Directions along the grid of pixel corners: right, down, left, up; the inside lies to the right of the walker.
const DX = [1, 0, -1, 0];
const DY = [0, 1, 0, -1];

/** The steps that may be taken from each pixel corner, one bit a direction, `((H + 1) * (W + 1))`. */
function steps({ width, height, values }) {
  const out = new Uint8Array((width + 1) * (height + 1));
  const at = (x, y) => y * (width + 1) + x;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const pixel = y * width + x;
      if (!values[pixel]) continue;
      if (y === 0 || !values[pixel - width]) out[at(x, y)] |= 1;
      if (x === width - 1 || !values[pixel + 1]) out[at(x + 1, y)] |= 2;
      if (y === height - 1 || !values[pixel + width]) out[at(x + 1, y + 1)] |= 4;
      if (x === 0 || !values[pixel - 1]) out[at(x, y + 1)] |= 8;
    }
  }
  return out;
}

/** Where two ways go on, two pixels touch by a corner: turn left, so that they count as one lesion (8-connected). */
function turn(open, direction) {
  for (const way of [(direction + 3) & 3, direction, (direction + 1) & 3]) if (open & (1 << way)) return way;
  return -1;
}

function walk(out, start, stride) {
  const points = [];
  const loop = { points, left: Infinity, top: Infinity, right: -1, bottom: -1 };
  let corner = start;
  let direction = Math.log2(out[start] & -out[start]);
  while (direction >= 0) {
    out[corner] &= ~(1 << direction);
    const [x, y] = [corner % stride, Math.floor(corner / stride)];
    // The middle of the edge, not its corner: a slanted border then is a slanted line, not stairs.
    points.push(x + DX[direction] / 2, y + DY[direction] / 2);
    Object.assign(loop, {
      left: Math.min(loop.left, x),
      top: Math.min(loop.top, y),
      right: Math.max(loop.right, x),
      bottom: Math.max(loop.bottom, y),
    });
    corner += DX[direction] + stride * DY[direction];
    direction = turn(out[corner], direction);
  }
  return loop;
}

function pathOf(points) {
  const path = new Path2D();
  path.moveTo(points[0], points[1]);
  for (let at = 2; at < points.length; at += 2) path.lineTo(points[at], points[at + 1]);
  path.closePath();
  return path;
}

/** The closed outlines of a mask, each `{path, left, top, right, bottom}` in pixels of the picture. */
export function outlines(mask) {
  const stride = mask.width + 1;
  const out = steps(mask);
  const loops = [];
  for (let corner = 0; corner < out.length; corner += 1) {
    while (out[corner]) {
      const loop = walk(out, corner, stride);
      loop.path = pathOf(loop.points);
      loops.push(loop);
    }
  }
  return loops;
}

/** Whether an outline belongs to a lesion: it lies within the lesion's box. */
export function belongs(loop, { box }) {
  return (
    loop.left >= box.left && loop.top >= box.top && loop.right <= box.left + box.width && loop.bottom <= box.top + box.height
  );
}
