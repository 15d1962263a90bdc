"""Build a scene of geometric primitives and pack it for the ray-marching kernels.

A `Scene` collects ellipsoids, rounded boxes, round cones, prisms (extruded polygons), lathes
(revolved polygons) and tori, each with a material; `placed` nests coordinate frames. By
convention an object faces +x, up is +y, and lengths are arbitrary: `packed` centres the object
and scales it into the unit ball. Primitives join in the order in which they are added: `blend`
rounds the seam with everything before over that length, `carve` removes the shape instead.
"""

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from model_metamers.stimuli.made import ray_marching as rm

Vector = Sequence[float] | np.ndarray
Colour = Sequence[float] | np.ndarray

ALONG_X = (0.0, 0.0, 90.0)  # turns the axis of a disc or torus, which is y, to x
ALONG_Z = (90.0, 0.0, 0.0)


class PackedScene(NamedTuple):
    """The arrays that `ray_marching.render` reads, and where the object ended up.

    Attributes:
        primitives: [n, rm.ROW] float32.
        bounds: [n, 4] float32: centre and reach.
        materials: [m, 10] float32.
        corners: [8 n, 3] corners of the primitives' boxes, after scaling.
        centre: [3] what was subtracted from the model's coordinates.
        scale: what they were then multiplied by.
    """

    primitives: np.ndarray
    bounds: np.ndarray
    materials: np.ndarray
    corners: np.ndarray
    centre: np.ndarray
    scale: float


def rotation_matrix(degrees: Vector) -> np.ndarray:
    """Return the [3, 3] rotation about x, then y, then z."""
    (cx, cy, cz), (sx, sy, sz) = (f(np.deg2rad(degrees)).tolist() for f in (np.cos, np.sin))
    return np.array(
        [
            [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
            [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
            [-sy, cy * sx, cy * cx],
        ]
    )


class Scene:
    """A growing list of primitives and materials."""

    def __init__(self) -> None:
        self._rows: list[np.ndarray] = []
        self._reach: list[float] = []
        self._low: list[np.ndarray] = []
        self._high: list[np.ndarray] = []
        self._materials: list[np.ndarray] = []
        self._frames = [(np.eye(3), np.zeros(3))]

    def material(
        self,
        colour: Colour,
        second: Colour | None = None,
        texture: int = rm.PLAIN,
        frequency: float = 6.0,
        gloss: float = 0.2,
        roughness: float = 0.0,
    ) -> int:
        """Add a material and return its number; the first one is the object's main colour.

        Args:
            colour: RGB in [0, 1].
            second: RGB of the texture's other colour; a darker `colour` if omitted.
            texture: one of the constants of `ray_marching`, such as BLOTCHES.
            frequency: texture frequency per object radius; for WATERLINE its height.
            gloss: strength of the highlight.
            roughness: depth of a hairy grain, in [0, 1].
        """
        colour = np.asarray(colour, float)
        second = 0.6 * colour if second is None else np.asarray(second, float)
        surface = [texture, frequency, gloss, roughness]
        self._materials.append(np.concatenate([colour, second, surface]))
        return len(self._materials) - 1

    def colour(self, material: int) -> np.ndarray:
        """Return the RGB colour of a material."""
        return self._materials[material][:3]

    @contextlib.contextmanager
    def placed(self, shift: Vector, rotation: Vector = (0, 0, 0)) -> Iterator[None]:
        """Place what is added inside: rotated (degrees about x, y, z), then shifted."""
        turn, origin = self._frames[-1]
        frame = (turn @ rotation_matrix(rotation), turn @ np.asarray(shift, float) + origin)
        self._frames.append(frame)
        try:
            yield
        finally:
            self._frames.pop()

    def ellipsoid(
        self,
        centre: Vector,
        radii: Vector | float,
        material: int,
        rotation: Vector = (0, 0, 0),
        blend: float = 0.0,
        carve: bool = False,
    ) -> None:
        """Add an ellipsoid with three radii, or a sphere with one."""
        radii = np.broadcast_to(np.asarray(radii, float), 3)
        turn, centre = self._frame(centre, rotation)
        extent = np.sqrt(((turn * radii) ** 2).sum(1))
        row = self._row(rm.ELLIPSOID, material, centre, turn, blend, 0.0, carve)
        row[rm.PARAMETERS : rm.PARAMETERS + 3] = radii
        self._add(row, radii.max(), centre - extent, centre + extent)

    def box(
        self,
        centre: Vector,
        half: Vector,
        material: int,
        rotation: Vector = (0, 0, 0),
        rounding: float = 0.02,
        blend: float = 0.0,
        carve: bool = False,
    ) -> None:
        """Add a box with three half edges and rounded edges."""
        half = np.asarray(half, float)
        rounding = min(rounding, 0.98 * half.min())
        turn, centre = self._frame(centre, rotation)
        extent = np.abs(turn) @ half
        row = self._row(rm.BOX, material, centre, turn, blend, rounding, carve)
        row[rm.PARAMETERS : rm.PARAMETERS + 3] = half - rounding
        self._add(row, float(np.linalg.norm(half)), centre - extent, centre + extent)

    def cone(
        self,
        start: Vector,
        end: Vector,
        start_radius: float,
        end_radius: float | None,
        material: int,
        blend: float = 0.0,
    ) -> None:
        """Add the hull of two balls; an end radius of None repeats the first."""
        radii = (start_radius, start_radius if end_radius is None else end_radius)
        start, end = np.asarray(start, float), np.asarray(end, float)
        if radii[1] > radii[0]:
            start, end, radii = end, start, radii[::-1]
        height = float(np.linalg.norm(end - start))
        # A ball inside the other has no cone: let it just touch the surface from inside.
        small = max(radii[1], radii[0] - 0.95 * height)
        turn, origin = self._frames[-1]
        start, end = turn @ start + origin, turn @ end + origin
        row = self._row(
            rm.ROUND_CONE, material, start, _frame_along(end - start), blend, 0.0, False
        )
        row[rm.PARAMETERS : rm.PARAMETERS + 3] = height, radii[0], small
        low = np.minimum(start - radii[0], end - small)
        high = np.maximum(start + radii[0], end + small)
        self._add(row, height + radii[0], low, high)

    def tube(
        self,
        points: Sequence[Vector],
        start_radius: float,
        end_radius: float | None,
        material: int,
        blend: float = 0.0,
    ) -> None:
        """Add round cones through the points, the radius changing evenly."""
        end_radius = start_radius if end_radius is None else end_radius
        radii = np.linspace(start_radius, end_radius, len(points))
        for k in range(len(points) - 1):
            self.cone(points[k], points[k + 1], radii[k], radii[k + 1], material, blend)

    def prism(
        self,
        outline: Sequence[Vector],
        half_thickness: float,
        material: int,
        centre: Vector = (0, 0, 0),
        rotation: Vector = (0, 0, 0),
        rounding: float = 0.01,
        blend: float = 0.0,
        carve: bool = False,
    ) -> None:
        """Add a polygon in (x, y), extruded along z; `rounding` adds to every side."""
        corners = np.asarray(outline, float)
        turn, centre = self._frame(centre, rotation)
        row = self._row(rm.PRISM, material, centre, turn, blend, rounding, carve)
        row[rm.PARAMETERS] = half_thickness
        self._store_polygon(row, corners)
        reach = math.hypot(np.linalg.norm(corners, axis=1).max(), half_thickness) + rounding
        flat = corners @ turn[:, :2].T + centre
        extent = half_thickness * np.abs(turn[:, 2]) + rounding
        self._add(row, reach, flat.min(0) - extent, flat.max(0) + extent)

    def lathe(
        self,
        profile: Sequence[Vector],
        material: int,
        centre: Vector = (0, 0, 0),
        rotation: Vector = (0, 0, 0),
        rounding: float = 0.0,
        blend: float = 0.0,
    ) -> None:
        """Add a polygon in (radius, y), revolved about y."""
        corners = np.asarray(profile, float)
        turn, centre = self._frame(centre, rotation)
        row = self._row(rm.LATHE, material, centre, turn, blend, rounding, False)
        self._store_polygon(row, corners)
        axis = turn[:, 1]
        rings = corners[:, 1:] * axis + centre
        extent = corners[:, :1] * np.sqrt(np.maximum(1 - axis**2, 0)) + rounding
        reach = np.linalg.norm(corners, axis=1).max() + rounding
        self._add(row, reach, (rings - extent).min(0), (rings + extent).max(0))

    def disc(
        self,
        centre: Vector,
        radius: float,
        half_height: float,
        material: int,
        rotation: Vector = (0, 0, 0),
        rounding: float = 0.01,
    ) -> None:
        """Add a cylinder along y; `rounding` adds to every side."""
        h = half_height
        profile = [(0, -h), (radius, -h), (radius, h), (0, h)]
        self.lathe(profile, material, centre, rotation, rounding)

    def torus(
        self,
        centre: Vector,
        ring_radius: float,
        tube_radius: float,
        material: int,
        rotation: Vector = (0, 0, 0),
        blend: float = 0.0,
    ) -> None:
        """Add a torus around y."""
        turn, centre = self._frame(centre, rotation)
        row = self._row(rm.TORUS, material, centre, turn, blend, 0.0, False)
        row[rm.PARAMETERS : rm.PARAMETERS + 2] = ring_radius, tube_radius
        extent = ring_radius * np.sqrt(np.maximum(1 - turn[:, 1] ** 2, 0)) + tube_radius
        self._add(row, ring_radius + tube_radius, centre - extent, centre + extent)

    def packed(self) -> PackedScene:
        """Return the scene centred and scaled so that its box has a half diagonal of one.

        Raises:
            ValueError: if nothing has been added.
        """
        if not self._rows or not self._materials:
            raise ValueError("expected a scene with primitives and materials, got an empty one")
        low, high = np.min(self._low, 0), np.max(self._high, 0)
        centre, scale = (low + high) / 2, 2 / np.linalg.norm(high - low)
        rows = np.array(self._rows)
        rows[:, rm.CENTRE : rm.ROTATION] -= centre
        lengths = [rm.BLEND, rm.ROUNDING, *range(rm.CENTRE, rm.ROTATION)]
        rows[:, lengths] *= scale
        rows[:, rm.PARAMETERS :] *= scale
        bounds = np.column_stack(
            [rows[:, rm.CENTRE : rm.ROTATION], np.array(self._reach) * scale + rows[:, rm.BLEND]]
        )
        materials = np.array(self._materials)
        waterlines = materials[:, 6] == rm.WATERLINE
        materials[waterlines, 7] = (materials[waterlines, 7] - centre[1]) * scale
        return PackedScene(
            rows.astype(np.float32),
            bounds.astype(np.float32),
            materials.astype(np.float32),
            (_box_corners(np.array(self._low), np.array(self._high)) - centre) * scale,
            centre,
            float(scale),
        )

    def _frame(self, centre: Vector, rotation: Vector) -> tuple[np.ndarray, np.ndarray]:
        turn, origin = self._frames[-1]
        return turn @ rotation_matrix(rotation), turn @ np.asarray(centre, float) + origin

    @staticmethod
    def _row(
        kind: int,
        material: int,
        centre: np.ndarray,
        turn: np.ndarray,
        blend: float,
        rounding: float,
        carve: bool,
    ) -> np.ndarray:
        row = np.zeros(rm.ROW)
        row[: rm.N_VERTICES] = kind, material, blend, carve, rounding
        row[rm.CENTRE : rm.ROTATION] = centre
        row[rm.ROTATION : rm.PARAMETERS] = turn.T.ravel()
        return row

    @staticmethod
    def _store_polygon(row: np.ndarray, corners: np.ndarray) -> None:
        if not 3 <= len(corners) <= rm.MAX_VERTICES:
            raise ValueError(
                f"expected a polygon of 3 to {rm.MAX_VERTICES} corners, got {len(corners)}; "
                "split the shape"
            )
        row[rm.N_VERTICES] = len(corners)
        row[rm.VERTICES : rm.VERTICES + corners.size] = corners.ravel()

    def _add(self, row: np.ndarray, reach: float, low: np.ndarray, high: np.ndarray) -> None:
        self._rows.append(row)
        self._reach.append(float(reach))
        if not row[rm.CARVE]:
            self._low.append(low)
            self._high.append(high)


def _frame_along(direction: np.ndarray) -> np.ndarray:
    """Return a [3, 3] rotation whose second column points along the direction."""
    y = direction / max(float(np.linalg.norm(direction)), 1e-9)
    helper = (0.0, 0.0, 1.0) if abs(y[2]) < 0.9 else (1.0, 0.0, 0.0)
    x = np.cross(helper, y)
    x /= np.linalg.norm(x)
    return np.column_stack([x, y, np.cross(x, y)])


def _box_corners(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the [8 n, 3] corners of n boxes."""
    upper = np.stack(np.meshgrid(*[[False, True]] * 3), -1).reshape(8, 1, 3)
    return np.where(upper, high, low).reshape(-1, 3)
