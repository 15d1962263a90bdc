"""Sphere tracing of packed scenes: signed distance, shading, soft shadow and ground.

The compiled half of the rendered objects. A scene is the union of
primitives, each with a closed-form signed distance; a ray advances by that distance until it
touches the surface. All functions are numba kernels that release the GIL, so that images can be
rendered on several threads. Nothing is compiled at import; the first call takes a few seconds.
All kernels, and the layout they read, are in this one file because numba's disk cache is keyed by
the caller's file and would not notice a change elsewhere. To spare work, a ray looks only at the
primitives whose bounding balls it meets. Indices go down to the elements (`rows[k, i]`): taking a
row first would count references in the innermost loop.

Shapes: primitives [n, ROW], bounds [n, 4] (centre, reach), materials [m, 10] (colour, second
colour, texture, frequency, gloss, roughness), all float32 and normalised: the object fits the
unit ball.

Source: sphere tracing, Hart 1996 (The Visual Computer 12); distance functions, soft shadow and
ambient occlusion after Quilez, "Modeling with distance functions", 2008.
"""

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

# Columns of a primitive's row, its kinds, and the textures.
KIND, MATERIAL, BLEND, CARVE, ROUNDING, N_VERTICES = 0, 1, 2, 3, 4, 5
CENTRE, ROTATION, PARAMETERS, VERTICES = 6, 9, 18, 21
MAX_VERTICES = 8
ROW = VERTICES + 2 * MAX_VERTICES
ROUGHNESS = 9  # column of a material
ELLIPSOID, BOX, ROUND_CONE, PRISM, LATHE, TORUS = range(6)
PLAIN, BLOTCHES, TIGER, BANDS, SPOTS, WATERLINE, GRAIN, TABBY = range(8)

HIT_DISTANCE = 0.002
MARCH_STEPS = 80
SHADOW_STEPS = 24
SHADOW_SHARPNESS = 9.0
OCCLUSION_STEP = 0.06
BLOCK = 8  # samples on a side that share a list of primitives
GROUND_TEXELS_PER_UNIT = 24.0
HAIRS_PER_UNIT = 70.0  # about a pixel and a half of a 224-pixel render


def _kernel(function: Callable) -> Callable:
    """Compile lazily without the GIL, with the disk cache where a directory is writable."""
    options: dict[str, Any] = {"nogil": True, "fastmath": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba raises this when no cache directory can be written
        return numba.njit(**options)(function)


@_kernel
def _ellipsoid(rows: np.ndarray, k: int, x: float, y: float, z: float) -> float:
    p = PARAMETERS
    rx, ry, rz = rows[k, p], rows[k, p + 1], rows[k, p + 2]
    x, y, z = x / rx, y / ry, z / rz
    level = math.sqrt(x * x + y * y + z * z)
    if level < 1e-3:
        return -min(rx, ry, rz)
    x, y, z = x / rx, y / ry, z / rz
    return level * (level - 1.0) / math.sqrt(x * x + y * y + z * z)


@_kernel
def _box(rows: np.ndarray, k: int, x: float, y: float, z: float) -> float:
    x = abs(x) - rows[k, PARAMETERS]
    y = abs(y) - rows[k, PARAMETERS + 1]
    z = abs(z) - rows[k, PARAMETERS + 2]
    inside = min(max(x, y, z), 0.0)
    x, y, z = max(x, 0.0), max(y, 0.0), max(z, 0.0)
    return math.sqrt(x * x + y * y + z * z) + inside - rows[k, ROUNDING]


@_kernel
def _round_cone(rows: np.ndarray, k: int, x: float, y: float, z: float) -> float:
    p = PARAMETERS
    height, low, high = rows[k, p], rows[k, p + 1], rows[k, p + 2]
    sine = (low - high) / height
    cosine = math.sqrt(max(1.0 - sine * sine, 0.0))
    radial = math.sqrt(x * x + z * z)
    along = y * cosine - radial * sine
    if along < 0.0:
        return math.sqrt(radial * radial + y * y) - low
    if along > cosine * height:
        return math.sqrt(radial * radial + (y - height) * (y - height)) - high
    return radial * cosine + y * sine - low


@_kernel
def _polygon(rows: np.ndarray, k: int, x: float, y: float) -> float:
    n_vertices = int(rows[k, N_VERTICES])
    nearest, sign = 1e9, 1.0
    j = n_vertices - 1
    for i in range(n_vertices):
        px, py = rows[k, VERTICES + 2 * i], rows[k, VERTICES + 2 * i + 1]
        qx, qy = rows[k, VERTICES + 2 * j], rows[k, VERTICES + 2 * j + 1]
        ex, ey, wx, wy = qx - px, qy - py, x - px, y - py
        share = (wx * ex + wy * ey) / (ex * ex + ey * ey + 1e-12)
        share = min(max(share, 0.0), 1.0)
        dx, dy = wx - ex * share, wy - ey * share
        nearest = min(nearest, dx * dx + dy * dy)
        above, below, left = y >= py, y < qy, ex * wy > ey * wx
        if (above and below and left) or not (above or below or left):
            sign = -sign
        j = i
    return sign * math.sqrt(nearest)


@_kernel
def _prism(rows: np.ndarray, k: int, x: float, y: float, z: float) -> float:
    across = _polygon(rows, k, x, y)
    along = abs(z) - rows[k, PARAMETERS]
    inside = min(max(across, along), 0.0)
    across, along = max(across, 0.0), max(along, 0.0)
    return math.sqrt(across * across + along * along) + inside - rows[k, ROUNDING]


@_kernel
def _torus(rows: np.ndarray, k: int, x: float, y: float, z: float) -> float:
    across = math.sqrt(x * x + z * z) - rows[k, PARAMETERS]
    return math.sqrt(across * across + y * y) - rows[k, PARAMETERS + 1]


@_kernel
def primitive_distance(rows: np.ndarray, k: int, x: float, y: float, z: float) -> float:
    """Return the signed distance of a point to primitive k.

    Exact outside, but for ellipsoids, where it is a first-order estimate.
    """
    dx, dy, dz = x - rows[k, CENTRE], y - rows[k, CENTRE + 1], z - rows[k, CENTRE + 2]
    r = ROTATION
    x = rows[k, r] * dx + rows[k, r + 1] * dy + rows[k, r + 2] * dz
    y = rows[k, r + 3] * dx + rows[k, r + 4] * dy + rows[k, r + 5] * dz
    z = rows[k, r + 6] * dx + rows[k, r + 7] * dy + rows[k, r + 8] * dz
    kind = int(rows[k, KIND])
    if kind == ELLIPSOID:
        return _ellipsoid(rows, k, x, y, z)
    if kind == BOX:
        return _box(rows, k, x, y, z)
    if kind == ROUND_CONE:
        return _round_cone(rows, k, x, y, z)
    if kind == PRISM:
        return _prism(rows, k, x, y, z)
    if kind == TORUS:
        return _torus(rows, k, x, y, z)
    return _polygon(rows, k, math.sqrt(x * x + z * z), y) - rows[k, ROUNDING]


@_kernel
def scene_distance(
    primitives: np.ndarray,
    bounds: np.ndarray,
    active: np.ndarray,
    n_active: int,
    x: float,
    y: float,
    z: float,
) -> tuple[float, int]:
    """Return the signed distance to the listed primitives, and the material of the nearest."""
    distance, material = 1e9, 0
    for k in range(n_active):
        i = active[k]
        if primitives[i, CARVE] > 0.0:
            hollow = -primitive_distance(primitives, i, x, y, z)
            if hollow > distance:
                distance, material = hollow, int(primitives[i, MATERIAL])
            continue
        dx, dy, dz = x - bounds[i, 0], y - bounds[i, 1], z - bounds[i, 2]
        reach = distance + bounds[i, 3]
        if reach > 0.0 and dx * dx + dy * dy + dz * dz > reach * reach:
            continue
        new = primitive_distance(primitives, i, x, y, z)
        if new < distance:
            material = int(primitives[i, MATERIAL])
        blend = primitives[i, BLEND]
        if blend > 0.0:
            overlap = max(blend - abs(new - distance), 0.0) / blend
            distance = min(distance, new) - overlap * overlap * blend * 0.25
        else:
            distance = min(distance, new)
    return distance, material


@_kernel
def _gather_cone(
    bounds: np.ndarray,
    ox: float,
    oy: float,
    oz: float,
    dx: float,
    dy: float,
    dz: float,
    widening: float,
    active: np.ndarray,
) -> tuple[int, float]:
    """List the primitives that reach into a cone around a ray; return how many, and its end."""
    count, last = 0, 0.0
    for i in range(bounds.shape[0]):
        cx, cy, cz = bounds[i, 0] - ox, bounds[i, 1] - oy, bounds[i, 2] - oz
        along = cx * dx + cy * dy + cz * dz
        reach = bounds[i, 3] + widening * max(along + bounds[i, 3], 0.0)
        if along > -reach and cx * cx + cy * cy + cz * cz - along * along < reach * reach:
            last = max(last, along + reach)
            active[count] = i
            count += 1
    return count, last


@_kernel
def _gather_ball(
    bounds: np.ndarray, x: float, y: float, z: float, radius: float, active: np.ndarray
) -> int:
    """List the primitives that reach into a ball; return how many."""
    count = 0
    for i in range(bounds.shape[0]):
        cx, cy, cz = bounds[i, 0] - x, bounds[i, 1] - y, bounds[i, 2] - z
        reach = bounds[i, 3] + radius
        if cx * cx + cy * cy + cz * cz < reach * reach:
            active[count] = i
            count += 1
    return count


@_kernel
def _lattice_value(i: int, j: int, k: int) -> float:
    mixed = (i * 374761393 + j * 668265263 + k * 2147483647) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 13)) * 1274126177) & 0xFFFFFFFF
    return ((mixed ^ (mixed >> 16)) & 0xFFFF) / 65535.0


@_kernel
def _value_noise(x: float, y: float, z: float) -> float:
    """Return smooth lattice noise in [0, 1] with a grain of about one unit."""
    i, j, k = int(math.floor(x)), int(math.floor(y)), int(math.floor(z))
    u, v, w = x - i, y - j, z - k
    u, v, w = u * u * (3 - 2 * u), v * v * (3 - 2 * v), w * w * (3 - 2 * w)
    total = 0.0
    for di in range(2):
        for dj in range(2):
            for dk in range(2):
                share = (u if di else 1 - u) * (v if dj else 1 - v) * (w if dk else 1 - w)
                total += share * _lattice_value(i + di, j + dj, k + dk)
    return total


@_kernel
def _cloud_noise(x: float, y: float, z: float) -> float:
    coarse, middle = _value_noise(x, y, z), _value_noise(2 * x + 7, 2 * y, 2 * z)
    return 0.55 * coarse + 0.3 * middle + 0.15 * _value_noise(4 * x, 4 * y + 3, 4 * z)


@_kernel
def _second_colour_share(texture: float, frequency: float, x: float, y: float, z: float) -> float:
    """Return how much of the material's second colour shows at a point, in [0, 1]."""
    if texture == BLOTCHES:
        cloud = _cloud_noise(x * frequency, y * frequency, z * frequency)
        return min(max((cloud - 0.4) * 4.0, 0.0), 1.0)
    if texture == TIGER:
        wave = math.sin(2 * x * frequency + 2 * _value_noise(4 * x, 4 * y, 4 * z))
        return 1.0 if wave > 0.2 else 0.0
    if texture == BANDS:
        return 1.0 if math.sin(2 * y * frequency) > 0.0 else 0.0
    if texture == SPOTS:
        noise = _value_noise(x * frequency, y * frequency, z * frequency)
        return 1.0 if noise > 0.66 else 0.0
    if texture == WATERLINE:
        return 1.0 if y < frequency else 0.0
    if texture == GRAIN:
        return _cloud_noise(0.4 * x * frequency, 3 * y * frequency, 3 * z * frequency)
    if texture == TABBY:
        bent = _value_noise(3 * x, 3 * y, 3 * z) + 0.5 * _value_noise(9 * x, 9 * y, 9 * z)
        wave = math.sin(2 * x * frequency + 7 * bent)
        return min(max(0.1 + 1.6 * wave, 0.0), 1.0)
    return 0.0


@_kernel
def _hair(
    x: float, y: float, z: float, nx: float, ny: float, nz: float, roughness: float
) -> tuple[float, float, float, float]:
    """Return the normal of a rough surface and its shade; the grain hangs down like hair."""
    f = HAIRS_PER_UNIT
    a = _value_noise(f * x, 0.3 * f * y, f * z) - 0.5
    b = _value_noise(f * x + 31, 0.3 * f * y, f * z) - 0.5
    c = _value_noise(f * x, 0.3 * f * y, f * z + 57) - 0.5
    nx, ny, nz = nx + 1.6 * roughness * a, ny + 1.6 * roughness * b, nz + 1.6 * roughness * c
    scale = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz + 1e-20)
    return nx * scale, ny * scale, nz * scale, 1.0 + 0.9 * roughness * (a + b)


@_kernel
def _light_share(
    primitives: np.ndarray,
    bounds: np.ndarray,
    active: np.ndarray,
    x: float,
    y: float,
    z: float,
    light: np.ndarray,
) -> float:
    """Return the unshadowed share of the light at a point, in [0, 1]."""
    lx, ly, lz = light[0], light[1], light[2]
    n_active, last = _gather_cone(bounds, x, y, z, lx, ly, lz, 1 / SHADOW_SHARPNESS, active)
    if n_active == 0:
        return 1.0
    travelled, share = 0.03, 1.0
    for _ in range(SHADOW_STEPS):
        px, py, pz = x + lx * travelled, y + ly * travelled, z + lz * travelled
        gap, _ = scene_distance(primitives, bounds, active, n_active, px, py, pz)
        share = min(share, SHADOW_SHARPNESS * gap / travelled)
        if share < 0.02:
            return 0.0
        travelled += max(gap, 0.03)
        if travelled > last:
            break
    return max(share, 0.0)


@_kernel
def _normal(
    primitives: np.ndarray,
    bounds: np.ndarray,
    active: np.ndarray,
    n_active: int,
    x: float,
    y: float,
    z: float,
) -> tuple[float, float, float]:
    """Return the unit gradient of the distance, from four corners of a tetrahedron."""
    e = HIT_DISTANCE
    a, _ = scene_distance(primitives, bounds, active, n_active, x + e, y - e, z - e)
    b, _ = scene_distance(primitives, bounds, active, n_active, x - e, y - e, z + e)
    c, _ = scene_distance(primitives, bounds, active, n_active, x - e, y + e, z - e)
    d, _ = scene_distance(primitives, bounds, active, n_active, x + e, y + e, z + e)
    nx, ny, nz = a - b - c + d, -a - b + c + d, -a + b - c + d
    scale = 1.0 / math.sqrt(nx * nx + ny * ny + nz * nz + 1e-20)
    return nx * scale, ny * scale, nz * scale


@_kernel
def _occlusion(
    primitives: np.ndarray,
    bounds: np.ndarray,
    active: np.ndarray,
    n_active: int,
    x: float,
    y: float,
    z: float,
    nx: float,
    ny: float,
    nz: float,
) -> float:
    """Return the share of the ambient light that surrounding surfaces leave, in [0.34, 1]."""
    lost = 0.0
    for k in range(1, 4):
        h = OCCLUSION_STEP * k
        px, py, pz = x + nx * h, y + ny * h, z + nz * h
        gap, _ = scene_distance(primitives, bounds, active, n_active, px, py, pz)
        lost += max(h - gap, 0.0) / h
    return 1.0 - 0.22 * lost


@_kernel
def _shade(
    primitives: np.ndarray,
    bounds: np.ndarray,
    materials: np.ndarray,
    active: np.ndarray,
    x: float,
    y: float,
    z: float,
    dx: float,
    dy: float,
    dz: float,
    light: np.ndarray,
    ambient: float,
    pixel: np.ndarray,
) -> None:
    """Write the colour of a surface point: hemispheric ambient, Lambert, Blinn highlight."""
    n_active = _gather_ball(bounds, x, y, z, 6 * OCCLUSION_STEP, active)
    _, index = scene_distance(primitives, bounds, active, n_active, x, y, z)
    material = materials[index]
    nx, ny, nz = _normal(primitives, bounds, active, n_active, x, y, z)
    occlusion = _occlusion(primitives, bounds, active, n_active, x, y, z, nx, ny, nz)
    mottle = 0.9 + 0.2 * _value_noise(22 * x, 22 * y, 22 * z)
    if material[ROUGHNESS] > 0.0:
        nx, ny, nz, shade = _hair(x, y, z, nx, ny, nz, material[ROUGHNESS])
        mottle *= shade
    facing = nx * light[0] + ny * light[1] + nz * light[2]
    direct = 0.0
    if facing > 0.0:
        px, py, pz = x + 0.01 * nx, y + 0.01 * ny, z + 0.01 * nz
        direct = facing * _light_share(primitives, bounds, active, px, py, pz, light)
    hx, hy, hz = light[0] - dx, light[1] - dy, light[2] - dz
    half = (nx * hx + ny * hy + nz * hz) / math.sqrt(hx * hx + hy * hy + hz * hz)
    highlight = material[8] * max(half, 0.0) ** 32 if direct > 0.1 else 0.0
    share = _second_colour_share(int(material[6]), material[7], x, y, z)
    received = (ambient * (0.7 + 0.3 * ny) * occlusion + 0.85 * direct) * mottle
    for channel in range(3):
        colour = material[channel] * (1 - share) + material[3 + channel] * share
        pixel[channel] = colour * received + highlight


@_kernel
def _gather_ray(
    bounds: np.ndarray,
    candidates: np.ndarray,
    n_candidates: int,
    eye: np.ndarray,
    dx: float,
    dy: float,
    dz: float,
    active: np.ndarray,
) -> tuple[int, float, float]:
    """List the candidates whose bounds a ray meets; return how many, and where it may hit."""
    count, first, last = 0, 1e9, -1e9
    for k in range(n_candidates):
        i = candidates[k]
        cx, cy, cz = bounds[i, 0] - eye[0], bounds[i, 1] - eye[1], bounds[i, 2] - eye[2]
        along = cx * dx + cy * dy + cz * dz
        reach = bounds[i, 3]
        inside = reach * reach - (cx * cx + cy * cy + cz * cz - along * along)
        if inside > 0.0:
            half = math.sqrt(inside)
            first, last = min(first, along - half), max(last, along + half)
            active[count] = i
            count += 1
    return count, first, last


@_kernel
def _march(
    primitives: np.ndarray,
    bounds: np.ndarray,
    active: np.ndarray,
    n_active: int,
    eye: np.ndarray,
    dx: float,
    dy: float,
    dz: float,
    first: float,
    last: float,
) -> float:
    """Return the distance along a ray to the surface, or -1 where it misses."""
    travelled = first
    for _ in range(MARCH_STEPS):
        x, y, z = eye[0] + dx * travelled, eye[1] + dy * travelled, eye[2] + dz * travelled
        gap, _ = scene_distance(primitives, bounds, active, n_active, x, y, z)
        if gap < HIT_DISTANCE:
            return travelled
        travelled += 0.9 * gap  # blended and ellipsoidal distances are only nearly exact
        if travelled > last:
            return -1.0
    return -1.0


@_kernel
def _shade_ground(
    primitives: np.ndarray,
    bounds: np.ndarray,
    active: np.ndarray,
    x: float,
    y: float,
    z: float,
    fade: float,
    light: np.ndarray,
    ambient: float,
    tile: np.ndarray,
    pixel: np.ndarray,
) -> None:
    """Mix the textured, shadowed ground at a point over the background in `pixel`."""
    direct = _light_share(primitives, bounds, active, x, y + 0.01, z, light)
    n_active = _gather_ball(bounds, x, y, z, 0.2, active)
    gap, _ = scene_distance(primitives, bounds, active, n_active, x, y, z)
    contact = 0.6 + 0.4 * min(max(5.0 * gap, 0.0), 1.0)
    received = (ambient * contact + 0.85 * light[1] * direct) / (ambient + 0.85 * light[1])
    side = tile.shape[0]
    i = int(math.floor(x * GROUND_TEXELS_PER_UNIT)) % side
    j = int(math.floor(z * GROUND_TEXELS_PER_UNIT)) % side
    for channel in range(3):
        pixel[channel] = tile[i, j, channel] * received * fade + pixel[channel] * (1 - fade)


@_kernel
def render(
    primitives: np.ndarray,
    bounds: np.ndarray,
    materials: np.ndarray,
    camera: np.ndarray,
    light: np.ndarray,
    ambient: float,
    has_ground: bool,
    ground_height: float,
    tile: np.ndarray,
    background: np.ndarray,
    image: np.ndarray,
) -> None:
    """Render a packed scene; the arrays are read only, except `image`.

    Args:
        primitives: [n, ROW] float32, normalised to the unit ball.
        bounds: [n, 4] float32, centre and reach of each primitive.
        materials: [m, 10] float32.
        camera: [4, 3] float32: eye, forward, right, up; the last two span half the frame.
        light: [3] float32, unit vector towards the light.
        ambient: strength of the ambient light, in [0, 1].
        has_ground: whether there is a ground plane.
        ground_height: its height (y).
        tile: [t, t, 3] float32 ground texture in [0, 1].
        background: [size, size, 3] float32 in [0, 1].
        image: [k * size, k * size, 3] float32, written; k samples per pixel and axis.
    """
    side = image.shape[0]
    candidates = np.empty(primitives.shape[0], np.int64)
    active = np.empty(primitives.shape[0], np.int64)
    for top in range(0, side, BLOCK):
        for left in range(0, side, BLOCK):
            n_candidates = _gather_block(bounds, camera, side, top, left, candidates)
            for i in range(top, min(top + BLOCK, side)):
                for j in range(left, min(left + BLOCK, side)):
                    _render_sample(
                        primitives, bounds, materials, camera, light, ambient,
                        has_ground, ground_height, tile, background,
                        candidates, n_candidates, active, i, j, image,
                    )  # fmt: skip


@_kernel
def _ray_direction(
    camera: np.ndarray, side: int, i: float, j: float
) -> tuple[float, float, float]:
    """Return the unit direction through a position in the image, in samples."""
    u, v = 2.0 * j / side - 1.0, 1.0 - 2.0 * i / side
    dx = camera[1, 0] + u * camera[2, 0] + v * camera[3, 0]
    dy = camera[1, 1] + u * camera[2, 1] + v * camera[3, 1]
    dz = camera[1, 2] + u * camera[2, 2] + v * camera[3, 2]
    scale = 1.0 / math.sqrt(dx * dx + dy * dy + dz * dz)
    return dx * scale, dy * scale, dz * scale


@_kernel
def _gather_block(
    bounds: np.ndarray, camera: np.ndarray, side: int, top: int, left: int, candidates: np.ndarray
) -> int:
    """List the primitives that any ray of a block of samples may meet; return how many."""
    dx, dy, dz = _ray_direction(camera, side, top + 0.5 * BLOCK, left + 0.5 * BLOCK)
    x, y, z = camera[2, 0], camera[2, 1], camera[2, 2]
    # The block's half diagonal, seen from the eye; a fifth more for rays off the axis.
    widening = 1.2 * math.sqrt(2.0 * (x * x + y * y + z * z)) * BLOCK / side
    eye = camera[0]
    count, _ = _gather_cone(bounds, eye[0], eye[1], eye[2], dx, dy, dz, widening, candidates)
    return count


@_kernel
def _render_sample(
    primitives: np.ndarray,
    bounds: np.ndarray,
    materials: np.ndarray,
    camera: np.ndarray,
    light: np.ndarray,
    ambient: float,
    has_ground: bool,
    ground_height: float,
    tile: np.ndarray,
    background: np.ndarray,
    candidates: np.ndarray,
    n_candidates: int,
    active: np.ndarray,
    i: int,
    j: int,
    image: np.ndarray,
) -> None:
    """Write one sample: the object, or the ground over the background."""
    side, eye, pixel = image.shape[0], camera[0], image[i, j]
    dx, dy, dz = _ray_direction(camera, side, i + 0.5, j + 0.5)
    n_active, t, last = _gather_ray(bounds, candidates, n_candidates, eye, dx, dy, dz, active)
    if n_active > 0:
        t = _march(primitives, bounds, active, n_active, eye, dx, dy, dz, t, last)
        if t > 0.0:
            x, y, z = eye[0] + dx * t, eye[1] + dy * t, eye[2] + dz * t
            _shade(
                primitives, bounds, materials, active,
                x, y, z, dx, dy, dz, light, ambient, pixel,
            )  # fmt: skip
            return
    samples = side // background.shape[0]
    for channel in range(3):
        pixel[channel] = background[i // samples, j // samples, channel]
    if has_ground and dy < -0.01 and eye[1] > ground_height:
        t = (ground_height - eye[1]) / dy
        fade = math.exp(-0.12 * max(t - 6.0, 0.0))
        x, z = eye[0] + dx * t, eye[2] + dz * t
        _shade_ground(
            primitives, bounds, active,
            x, ground_height, z, fade, light, ambient, tile, pixel,
        )  # fmt: skip
