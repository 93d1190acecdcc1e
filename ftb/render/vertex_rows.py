"""Light at vertices for the CPU: a picture a thread, sixteen of the vertices that it shows at a time.

`light_vertices` of `ftb.render.vertex_kernel` is the readable twin, and what a GPU runs.
"""

from __future__ import annotations

from ftb.kernels.lanes import LANES, TRIPLES
from ftb.kernels.start import FORWARD, wp
from ftb.render.light_functions import INVERSE_PI, SEEN_FROM_BEHIND
from ftb.render.vertex_kernel import Maps, Record

wp.set_module_options(FORWARD)


@wp.struct
class Shape:
    """B heads in their own frames: vertices, normals (B · V,), uvs (V,), and how wide their textures are;
    texels: the finest of `texture.Pyramid`."""

    heads: int
    vertices: wp.array(dtype=wp.vec3)
    normals: wp.array(dtype=wp.vec3)
    uvs: wp.array(dtype=wp.vec2)
    texels: wp.array2d(dtype=float)
    size: int


@wp.struct
class Seen:
    """Of S pictures: which vertices they show (S · V,), rotations and moves to their cameras (S,), what the
    sky sends to vertices (S · V,), coefficients (S · 9,) of the unshadowed irradiance."""

    used: wp.array(dtype=wp.uint8)
    rotations: wp.array(dtype=wp.mat33)
    translations: wp.array(dtype=wp.vec3)
    sky: wp.array(dtype=wp.vec3)
    sh_irradiance: wp.array(dtype=wp.vec3)


# gathered(table, places): one number for each place.
_READS = """
const auto gathered = [&](const float* table, counts places) INLINE {
    alignas(64) int place[16];
    *(counts*)place = places;
    IN_MEMORY(place);
    lanes found;
    EACH for (int k = 0; k < 16; ++k)
        found[k] = table[place[k]];
    return found;
};
"""

# As `arc_tangent` and `map_lookup` in `light_functions`: where a direction lies among texels, then what is
# there in one of several maps.
_LOOKUPS = f"""
struct Texels {{
    counts upper_left, upper_right, lower_left, lower_right;
    lanes right, down;
}};
const auto arc_tangents = [&](lanes y, lanes x) INLINE {{
    const lanes across = __builtin_elementwise_abs(x), along = __builtin_elementwise_abs(y);
    const lanes ratio = least(across, along) / most(most(across, along), 1.0e-30f), s = ratio * ratio;
    lanes series = -0.0752896400f + s * (0.0429096138f + s * (-0.0161657367f + s * 0.0028662257f));
    series = 0.1999355085f + s * (-0.1420889944f + s * (0.1065626393f + s * series));
    lanes angle = ratio * (1.0f + s * (-0.3333314528f + s * series));
    angle = along > across ? 1.5707963268f - angle : angle;
    angle = x < 0.0f ? 3.1415926536f - angle : angle;
    return y < 0.0f ? -angle : angle;
}};
const auto texels_at = [&](Triple to, int height) INLINE {{
    const lanes row = arc_tangents(root(to.x * to.x + to.z * to.z), to.y) * ({INVERSE_PI}f * height) - 0.5f;
    const lanes column = (1.0f - arc_tangents(to.x, to.z) * {INVERSE_PI}f) * (float)height - 0.5f;
    const lanes above = __builtin_elementwise_floor(row), left = __builtin_elementwise_floor(column);
    const counts width = 2 * height, top = __builtin_convertvector(most(above, 0.0f), counts) * width;
    const counts bottom = __builtin_convertvector(least(above + 1.0f, height - 1.0f), counts) * width;
    counts begin = __builtin_convertvector(left, counts);
    begin = begin < 0 ? begin + width : begin;
    const counts end = begin + 1 == width ? 0 : begin + 1;
    return Texels{{3 * (top + begin), 3 * (top + end), 3 * (bottom + begin), 3 * (bottom + end),
                   column - left, row - above}};
}};
// Colours are read with the number behind them.
const auto colours_at = [&](const float* map, counts places) INLINE {{
    alignas(64) int place[16];
    *(counts*)place = places;
    IN_MEMORY(place);
    lanes found[4];
    rows_of(found, place, map, 1);
    return Triple{{found[0], found[1], found[2]}};
}};
const auto between = [&](Triple a, Triple b, lanes share) INLINE {{
    return Triple{{a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share, a.z + (b.z - a.z) * share}};
}};
const auto looked_up = [&](const float* map, const Texels& at, counts number_first) INLINE {{
    const Triple a = colours_at(map, at.upper_left + number_first);
    const Triple b = colours_at(map, at.upper_right + number_first);
    const Triple c = colours_at(map, at.lower_left + number_first);
    const Triple d = colours_at(map, at.lower_right + number_first);
    return between(between(a, b, at.right), between(c, d, at.right), at.down);
}};
"""

_PICTURE = """
const int count = shape.uvs.shape[0], size = shape.size;
const int head = sample / (int)(seen.rotations.shape[0] / shape.heads);
const float* vertices = (const float*)(shape.vertices.data + (long long)head * count);
const float* normals = (const float*)(shape.normals.data + (long long)head * count);
const float* texels = shape.texels.data + 5ll * head * (shape.texels.shape[0] / shape.heads);
const float* turn = (const float*)(seen.rotations.data + sample);
const float* move = (const float*)(seen.translations.data + sample);
const auto* used = seen.used.data + (long long)sample * count;
const float* sky = (const float*)(seen.sky.data + (long long)sample * count);
float* record = (float*)(records.data + (long long)sample * count);
const int height = maps.heights[1], texels_a_map = 2 * height * height;
const float* irradiance = (const float*)(maps.irradiance.data + (long long)sample * texels_a_map);
const float* glossy = (const float*)(maps.glossy.data + 3ll * sample * texels_a_map);
const float* sh = (const float*)(seen.sh_irradiance.data + 9 * sample);
const auto turned = [&](Triple v) INLINE {
    return Triple{turn[0] * v.x + turn[1] * v.y + turn[2] * v.z,
                  turn[3] * v.x + turn[4] * v.y + turn[5] * v.z,
                  turn[6] * v.x + turn[7] * v.y + turn[8] * v.z};
};
const auto dot = [&](Triple a, Triple b) INLINE { return a.x * b.x + a.y * b.y + a.z * b.z; };
const auto roughness_at = [&](lanes u, lanes v) INLINE {
    const lanes x = within(u * (float)size - 0.5f, 0.0f, size - 1.001f);
    const lanes y = within((1.0f - v) * (float)size - 0.5f, 0.0f, size - 1.001f);
    const counts column = __builtin_convertvector(x, counts), row = __builtin_convertvector(y, counts);
    const lanes right = x - __builtin_convertvector(column, lanes);
    const lanes down = y - __builtin_convertvector(row, lanes);
    const counts at = 5 * (row * size + column) + 3;
    const lanes a = gathered(texels, at), b = gathered(texels + 5, at);
    const lanes c = gathered(texels + 5 * size, at), d = gathered(texels + 5 * size + 5, at);
    const lanes upper = a + (b - a) * right, lower = c + (d - c) * right;
    return within(upper + (lower - upper) * down, 0.05f, 1.0f);
};
"""

# Those that are shown, sixteen at a time; the last one several times where there are no sixteen.
_VERTICES = f"""
int* shown = room.data;
int found = 0;
for (int vertex = 0; vertex < count; ++vertex) {{
    shown[found] = vertex;
    found += used[vertex] != 0;
}}
for (int k = found; found > 0 && k % 16; ++k)
    shown[k] = shown[found - 1];
for (int first = 0; first < found; first += 16) {{
    const counts places = *(const counts*)(shown + first);
    const auto triple = [&](const float* table) INLINE {{
        const counts at = 3 * places;
        return Triple{{gathered(table, at), gathered(table + 1, at), gathered(table + 2, at)}};
    }};
    const Triple normal = turned(triple(normals));
    Triple view = turned(triple(vertices));
    view = Triple{{view.x + move[0], view.y + move[1], view.z + move[2]}};
    const lanes unit = -1.0f / root(most(dot(view, view), 1.0e-30f));
    view = Triple{{view.x * unit, view.y * unit, view.z * unit}};
    const lanes sign = dot(normal, view) < {SEEN_FROM_BEHIND}f ? (lanes)-1.0f : (lanes)1.0f;
    const Triple facing = {{normal.x * sign, normal.y * sign, normal.z * sign}};
    const float* uv = (const float*)shape.uvs.data;
    const lanes place[2] = {{gathered(uv, 2 * places), gathered(uv + 1, 2 * places)}};
    const lanes roughness = roughness_at(place[0], place[1]);
    const Triple open = triple(sky);
    const Triple unshadowed = looked_up(irradiance, texels_at(facing, height), 0);
    const lanes twice = 2.0f * dot(facing, view);
    const Triple mirrored = {{facing.x * twice - view.x, facing.y * twice - view.y,
                              facing.z * twice - view.z}};
    // As `glossy_lookup`, of which no sharper map is asked at vertices.
    const lanes alpha = most(roughness * roughness, 0.1f);
    const auto rough = alpha > 0.25f;
    const lanes share = rough ? least((alpha - 0.25f) * 4.0f, 1.0f) : (alpha - 0.1f) * (1.0f / 0.15f);
    const counts level = rough ? 3 * texels_a_map : 0;
    const Texels at = texels_at(mirrored, height);
    const Triple near = looked_up(glossy, at, level), far = looked_up(glossy, at, level + 3 * texels_a_map);
    const auto order2 = [&](int colour) INLINE {{
        const float* c = sh + colour;
        const lanes x = facing.x, y = facing.y, z = facing.z;
        return c[0] * 0.28209479f + (c[3] * y + c[6] * z + c[9] * x) * 0.48860251f
            + (c[12] * (x * y) + c[15] * (y * z) + c[21] * (x * z)) * 1.09254843f
            + c[18] * (0.31539157f * (3.0f * z * z - 1.0f)) + c[24] * (0.54627422f * (x * x - y * y));
    }};
    lanes numbers[16] = {{
        normal.x, normal.y, normal.z, place[0], place[1],
        unshadowed.x * open.x, unshadowed.y * open.y, unshadowed.z * open.z,
        luminance(unshadowed.x, unshadowed.y, unshadowed.z), luminance(open.x, open.y, open.z),
        near.x + (far.x - near.x) * share, near.y + (far.y - near.y) * share,
        near.z + (far.z - near.z) * share, order2(0), order2(1), order2(2)}};
    turn_sixteen(numbers);
    EACH for (int k = 0; k < 16; ++k)
        *(lanes*)(record + 16 * shown[first + k]) = numbers[k];
}}
"""


@wp.func_native("".join([LANES, TRIPLES, _READS, _LOOKUPS, _PICTURE, _VERTICES]))
def light_picture(
    shape: Shape,
    seen: Seen,
    maps: Maps,
    room: wp.array(dtype=wp.int32),
    records: wp.array(dtype=Record),
    sample: int,
):
    """Fill the records of the vertices that a picture shows."""
    ...


@wp.kernel
def light_vertex_rows(
    shape: Shape,
    seen: Seen,
    maps: Maps,  # which one number, at least, lies behind in memory
    room: wp.array(dtype=wp.int32),  # (V + 16,)
    records: wp.array(dtype=Record),
):
    """One picture a thread, one after the other: they share the room."""
    light_picture(shape, seen, maps, room, records, wp.tid())
