"""Our solver: L-BFGS with projection on the stimulus range, for every stimulus on its own.

One iteration is one evaluation, at a trial point, for each stimulus in its own phase: a trial that
lowers the objective becomes the metamer, adds a pair (s, y) of steps in stimulus and gradient to
the memory and gives a new direction; another one halves the step. No stimulus waits for another,
and every evaluation of a batch is used by all.

"Lowers" compares with the largest of the last RECENT objectives: the clipped gradients of a
cochleagram's compression are not those of the objective, which then has to rise on the way.

The memory holds the last pairs in a ring with one slot more. The slot after the newest pair takes
the next one, and is left out as long as that shows no positive curvature. The direction is a
combination of the gradient and the pairs (Byrd, Nocedal & Schnabel 1994, equation 3.1), for which
the memory is read twice; the two-loop recursion, which gives the same direction, reads it four
times.

Shapes: stimuli are flattened, [batch, features]; memory is [batch, 2 slots + 1, features]: the
steps, the differences of gradients, and the gradient, of which a direction is made.
"""

from dataclasses import dataclass

import tensorflow as tf

from model_metamers.synthesis.objective import Evaluation, chosen
from model_metamers.synthesis.solver import Advance, Bounds, Rows

MEMORY = 12  # pairs ...
MEMORY_OF_LARGE, LARGE = (
    6,
    2**16,
)  # ... or, above so many features, few: reading them takes longest
FIRST_STEP = 0.2  # RMS of the first step, in widths of the range ...
FIRST_STEP_OF_START = 1.0  # ... or, in a range that is not finite, in RMS of the start
SCALING = 10  # gradients from which the units of the features of stimuli in a finite range come
LEAST_POWER = 1e-2  # of a feature's gradient, relative to the mean: limits the units' ratios
LEAST_CURVATURE = 1e-4  # s y / y y of a pair that is kept, relative to the newest pair's
MOST_HALVINGS = 10  # of a step, before the memory is given up
MATCHED = 1e-8  # share of the first objective below which a stimulus is matched
RECENT = 10  # objectives; a trial has to be below the largest of them
PATIENCE = 30  # evaluations in which the objective has to fall ...
LEAST_DECREASE = 1e-3  # ... by this share


@dataclass(frozen=True)
class LBFGS:
    """L-BFGS for every stimulus on its own, within bounds.

    Attributes:
        bounds: of the stimuli.
        in_place: whether `advance` writes into the memory that it is given, which saves a copy
            of it, a third of the step; XLA has no such operation.

    Its rows:
        trial: where the objective is evaluated next, like the stimuli.
        gradient: at the metamer, [batch, features].
        objective, loss: at the metamer, [batch].
        recent: the last objectives, [batch, RECENT].
        first: objective at the start, [batch].
        earlier: objective at the last look at its decrease, [batch].
        since: evaluations since then, int32 [batch].
        length: share of the full step that is tried, [batch].
        halvings: of the step since the last success, int32 [batch].
        scale: of the gradient, in a direction without pairs, [batch].
        memory: steps, differences and the gradient, [batch, 2 slots + 1, features].
        products: s_i y_j and y_i y_j, [batch, 2 slots, slots].
        slot: of the next pair, int32 [batch].
        n_pairs: int32 [batch].
        unit, power: in a finite range, of the features and of their gradients, [batch, features].
    """

    bounds: Bounds
    in_place: bool = False

    def start(self, metamer: tf.Tensor) -> Rows:
        """Return the rows before the first evaluation, which is at the metamer itself."""
        batch, features = metamer.shape[0], metamer.shape[1:].num_elements()
        slots = 1 + (MEMORY_OF_LARGE if features > LARGE else MEMORY)
        number, count = tf.zeros([batch]), tf.zeros([batch], tf.int32)
        scaled = {"unit": tf.ones([batch, features]), "power": tf.zeros([batch, features])}
        return (scaled if self.bounds.is_finite else {}) | {
            "trial": metamer,
            "gradient": tf.zeros([batch, features]),
            "objective": number + float("inf"),
            "loss": number,
            "recent": tf.fill([batch, RECENT], float("inf")),
            "first": number,
            "earlier": number + float("inf"),
            "since": count,
            "length": number + 1.0,
            "halvings": count,
            "scale": number,
            "memory": tf.zeros([batch, 2 * slots + 1, features]),
            "products": tf.zeros([batch, 2 * slots, slots]),
            "slot": count,
            "n_pairs": count,
        }

    def point(self, metamer: tf.Tensor, rows: Rows) -> tf.Tensor:
        """Return the trial."""
        return rows["trial"]

    def loss(self, rows: Rows) -> tf.Tensor:
        """Return the losses at the metamers, [batch]."""
        return rows["loss"]

    def advance(
        self, metamer: tf.Tensor, rows: Rows, step: tf.Tensor, found: Evaluation
    ) -> Advance:
        """Judge the trial, and choose the next one."""
        x, trial, tried = _flat(metamer), _flat(rows["trial"]), _flat(found.gradient)
        finite = tf.math.is_finite(found.objective + tf.reduce_sum(tried, axis=1))
        falls = finite & (found.objective < tf.reduce_max(rows["recent"], axis=1))
        new_x = chosen(falls, trial, x)
        gradient = chosen(falls, tried, rows["gradient"])
        s, y = new_x - x, gradient - rows["gradient"]

        halvings = tf.where(falls, 0, rows["halvings"] + 1)
        gives_up = halvings > MOST_HALVINGS
        stuck = gives_up & (rows["n_pairs"] == 0)
        length = tf.where(falls, tf.minimum(2 * rows["length"], 1.0), 0.5 * rows["length"])
        rows = rows | {
            "gradient": gradient,
            "objective": tf.where(falls, found.objective, rows["objective"]),
            "loss": tf.where(falls, found.loss, rows["loss"]),
            "recent": _appended(rows["recent"], found.objective, falls, step == 0),
            "first": tf.where(step == 0, found.objective, rows["first"]),
            "length": tf.where(gives_up, 1.0, length),
            "halvings": tf.where(gives_up, 0, halvings),
            "n_pairs": tf.where(gives_up, 0, rows["n_pairs"]),
            "scale": self._scale(rows["scale"], step, new_x, gradient),
        }
        rows, trial = self._next_trial(rows, step, new_x, s, y)
        rows["trial"] = tf.reshape(trial, metamer.shape)
        rows, slow = _progress(rows)
        diverged = ~finite & ((step == 0) | stuck)
        return Advance(tf.reshape(new_x, metamer.shape), rows, stuck | slow, diverged)

    def _next_trial(
        self, rows: Rows, step: tf.Tensor, x: tf.Tensor, s: tf.Tensor, y: tf.Tensor
    ) -> tuple[Rows, tf.Tensor]:
        """Return rows with the last step (s, y) remembered, and the next trial from x."""
        is_free = self._is_free(x, rows["gradient"])
        gradient = is_free * rows["gradient"]
        if self.bounds.is_finite:
            rows = _with_units(rows, step)
            unit = rows["unit"]
            rows, move = self._remembered_move(rows, s / unit, y * unit, gradient * unit)
            move = move * unit
        else:
            rows, move = self._remembered_move(rows, s, y, gradient)
        return rows, self.bounds.clip(x + is_free * move)

    def _remembered_move(
        self, rows: Rows, s: tf.Tensor, y: tf.Tensor, gradient: tf.Tensor
    ) -> tuple[Rows, tf.Tensor]:
        """Remember the pair (s, y) if its curvature is positive, and return -length H gradient.

        All three are in units of the features.

        Args:
            rows: see `LBFGS`.
            s: steps of the stimuli [batch, features]; zero where there was none.
            y: of their gradients, likewise.
            gradient: without the components that are frozen [batch, features].
        """
        newest = tf.stack([s, y, gradient], axis=1)
        memory = self._with_newest(rows["memory"], newest, rows["slot"])
        # One pass: how much of the newest rows lies along every row.
        along = _products(newest, memory, transpose_b=True)
        along_y, along_gradient = along[:, 1, :-1], along[:, 2, :-1]
        slots = rows["products"].shape[2]
        is_slot = tf.one_hot(rows["slot"], slots, on_value=True, off_value=False)
        products = _with_products(rows["products"], along_y, is_slot)
        sy, yy = (
            tf.reduce_sum(tf.where(is_slot, part, 0.0), axis=1)
            for part in tf.split(along_y, 2, axis=1)
        )
        keep = sy > LEAST_CURVATURE * rows["scale"] * yy
        n_pairs = tf.where(keep, tf.minimum(rows["n_pairs"] + 1, slots - 1), rows["n_pairs"])
        slot = tf.where(keep, (rows["slot"] + 1) % slots, rows["slot"])
        scale = tf.where(keep, tf.math.divide_no_nan(sy, yy), rows["scale"])

        weights = _weights(products, along_gradient, slot, n_pairs, scale)
        # Rounding can spoil a direction of nearly parallel pairs; that of the gradient never.
        downhill = scale * along[:, 2, -1] + tf.reduce_sum(weights * along_gradient, axis=1) > 0
        weights = tf.where(downhill[:, None], weights, 0.0)
        weights = -rows["length"][:, None] * tf.concat([weights, scale[:, None]], axis=1)
        move = _products(weights[:, None], memory)[:, 0]
        rows = rows | {
            "memory": memory,
            "products": products,
            "slot": slot,
            "scale": scale,
            "n_pairs": tf.where(downhill, n_pairs, 0),
        }
        return rows, move

    def _with_newest(self, memory: tf.Tensor, newest: tf.Tensor, slot: tf.Tensor) -> tf.Tensor:
        """Put s and y [batch, 3, features] into their slots, the gradient into the last row."""
        batch, n_rows, features = memory.shape
        slots = n_rows // 2
        places = tf.stack([slot, slot + slots, tf.fill(slot.shape, 2 * slots)], axis=1)
        places = tf.reshape(places + n_rows * tf.range(batch)[:, None], [-1])
        flat, newest = (tf.reshape(each, [-1, features]) for each in (memory, newest))
        if self.in_place:
            # Nothing reads the old memory any more: every reading leads to the newest rows.
            flat = tf.raw_ops.InplaceUpdate(x=flat, i=places, v=newest)
        else:
            flat = tf.tensor_scatter_nd_update(flat, places[:, None], newest)
        return tf.reshape(flat, memory.shape)

    def _is_free(self, x: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
        """Return 1 for components that may move, 0 at a bound that the gradient pushes against."""
        at_low, at_high = x <= self.bounds.low, x >= self.bounds.high
        is_frozen = (at_low & (gradient > 0)) | (at_high & (gradient < 0))
        return tf.cast(~is_frozen, x.dtype)

    def _scale(
        self, scale: tf.Tensor, step: tf.Tensor, x: tf.Tensor, gradient: tf.Tensor
    ) -> tf.Tensor:
        """Return the gradient's scale: at the start, what gives the first step its size."""

        def first() -> tf.Tensor:
            size = FIRST_STEP * self.bounds.width
            if not self.bounds.is_finite:
                size = FIRST_STEP_OF_START * _rms(x)
            return tf.where(step == 0, tf.math.divide_no_nan(size, _rms(gradient)), scale)

        return tf.cond(tf.reduce_any(step == 0), first, lambda: scale)


def _with_units(rows: Rows, step: tf.Tensor) -> Rows:
    """Learn the power of the first gradients, and then the units of features it leads to.

    In units of power ** -1/4 the first gradients are about as large for all features, as they are
    for Adam, which divides by their root. Those of pixels at edges and in plain areas differ much;
    early layers would be matched where they are large, and hardly elsewhere.
    """

    def learnt() -> list[tf.Tensor]:
        power = rows["power"] + tf.square(rows["gradient"])
        relative = tf.math.divide_no_nan(power, tf.reduce_mean(power, axis=1, keepdims=True))
        unit = (relative + LEAST_POWER) ** -0.25
        unit /= tf.sqrt(tf.reduce_mean(tf.square(unit), axis=1, keepdims=True))
        return [power, chosen(is_now, unit, rows["unit"])]

    is_now = step == SCALING
    is_early = tf.reduce_any(step <= SCALING)
    power, unit = tf.cond(is_early, learnt, lambda: [rows["power"], rows["unit"]])
    # What was remembered is in the old units.
    n_pairs = tf.where(is_now, 0, rows["n_pairs"])
    return rows | {"power": power, "unit": unit, "n_pairs": n_pairs}


def _products(a: tf.Tensor, b: tf.Tensor, transpose_b: bool = False) -> tf.Tensor:
    """Return the matrix product for each stimulus; on CPUs one by one are faster than a batch."""
    pairs = zip(tf.unstack(a), tf.unstack(b), strict=True)
    return tf.stack([tf.matmul(x, y, transpose_b=transpose_b) for x, y in pairs])


def _with_products(products: tf.Tensor, along_y: tf.Tensor, is_slot: tf.Tensor) -> tf.Tensor:
    """Put the newest pair's products [batch, 2 slots] into its column, and its row of y y."""
    products = tf.where(is_slot[:, None, :], along_y[:, :, None], products)
    is_row = tf.concat([tf.zeros_like(is_slot), is_slot], axis=1)
    return tf.where(is_row[:, :, None], along_y[:, None, is_slot.shape[1] :], products)


def _weights(
    products: tf.Tensor, along: tf.Tensor, slot: tf.Tensor, n_pairs: tf.Tensor, scale: tf.Tensor
) -> tf.Tensor:
    """Return the weights of all steps and differences in H gradient, [batch, 2 slots].

    H = scale I + [S, scale Y] [[R^-T (D + scale Y'Y) R^-1, -R^-T], [-R^-1, 0]] [S, scale Y]'

    where R is the upper triangle of S'Y and D its diagonal, pairs from the oldest to the newest.
    """
    slots = products.shape[2]
    most = slots - 1
    age = (slot[:, None] - 1 - tf.range(slots)) % slots  # 0 for the newest, `most` for the free
    order = (slot[:, None] - 1 - tf.range(most)[::-1]) % slots  # slots from the oldest on
    known = tf.range(most)[::-1] < n_pairs[:, None]
    both = known[:, :, None] & known[:, None, :]
    scale = tf.cast(scale, tf.float64)[:, None]

    def ordered(square: tf.Tensor) -> tf.Tensor:
        square = tf.gather(tf.gather(square, order, batch_dims=1), order, axis=2, batch_dims=1)
        return tf.cast(tf.where(both, square, 0.0), tf.float64)

    def of_known(values: tf.Tensor) -> tf.Tensor:
        values = tf.where(known, tf.gather(values, order, batch_dims=1), 0.0)
        return tf.cast(values, tf.float64)

    s_y, y_y = ordered(products[:, :slots]), ordered(products[:, slots:])
    s_g, y_g = of_known(along[:, :slots]), of_known(along[:, slots:])
    diagonal = tf.linalg.diag_part(s_y)
    r = tf.linalg.band_part(s_y, 0, -1) + tf.linalg.diag(tf.cast(~known, tf.float64))
    of_y = _solved(r, s_g)
    inner = diagonal * of_y + scale * (tf.linalg.matvec(y_y, of_y) - y_g)
    of_s = _solved(r, inner, adjoint=True)
    weights = tf.stack([of_s, -scale * of_y], axis=1)
    weights = tf.cast(tf.where(known[:, None], weights, 0.0), tf.float32)
    # Back from the oldest first to the order of the slots; the free one has none.
    weights = tf.pad(weights, [[0, 0], [0, 0], [1, 0]])
    place = tf.stack([most - age] * 2, axis=1)
    return tf.reshape(tf.gather(weights, place, batch_dims=2), [-1, 2 * slots])


def _solved(r: tf.Tensor, values: tf.Tensor, adjoint: bool = False) -> tf.Tensor:
    solved = tf.linalg.triangular_solve(r, values[:, :, None], lower=False, adjoint=adjoint)
    return solved[:, :, 0]


def _appended(
    recent: tf.Tensor, objective: tf.Tensor, falls: tf.Tensor, is_first: tf.Tensor
) -> tf.Tensor:
    """Put the objective of a success behind the recent ones; the first fills all places."""
    new = tf.concat([recent[:, 1:], objective[:, None]], axis=1)
    new = chosen(is_first, tf.tile(objective[:, None], [1, recent.shape[1]]), new)
    return chosen(falls, new, recent)


def _progress(rows: Rows) -> tuple[Rows, tf.Tensor]:
    """Look at the decrease of the objective every PATIENCE evaluations; return who may stop."""
    looks = rows["since"] + 1 >= PATIENCE
    slow = rows["objective"] > (1 - LEAST_DECREASE) * rows["earlier"]
    matched = rows["objective"] <= MATCHED * rows["first"]
    rows = rows | {
        "since": tf.where(looks, 0, rows["since"] + 1),
        "earlier": tf.where(looks, rows["objective"], rows["earlier"]),
    }
    return rows, matched | (looks & slow)


def _flat(values: tf.Tensor) -> tf.Tensor:
    return tf.reshape(values, [tf.shape(values)[0], values.shape[1:].num_elements()])


def _rms(values: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(tf.reduce_mean(tf.square(_flat(values)), axis=1))
