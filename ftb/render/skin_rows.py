"""What pixels look up of vertices and of the skin's texture, for the CPU, sixteen pixels at a time.

`record_at` of `ftb.render.shade_kernel` and `ftb.render.texture_kernel` are the readable twins. In C++, since
a vertex's sixteen numbers, or a texel's five, are read and mixed as one register each; the table of them is
then turned so that its rows are pixels' numbers.
"""

from __future__ import annotations

from ftb.kernels.start import wp
from ftb.render.row_kernel import Row
from ftb.render.texture_kernel import vec5
from ftb.render.vertex_kernel import Record

# Numbers a pixel may read beyond the last texel's.
SPARE = 3

# What sixteen pixels look up: a row for each number.
Records = wp.types.matrix(shape=(16, 16), dtype=float)
Skins = wp.types.matrix(shape=(8, 16), dtype=float)

# A matrix is transposed by as many perfect shuffles as its number of rows has bits: each interleaves the
# first half of all numbers with the second.
_SHUFFLES = """
typedef float lanes __attribute__((ext_vector_type(16), aligned(4), may_alias));
const auto shuffle = [](lanes* table, int rows) {
    lanes mixed[16];
    for (int turn = 0; turn < 4; ++turn) {
        for (int k = 0; k < rows / 2; ++k) {
            const lanes a = table[k], b = table[k + rows / 2];
            mixed[2 * k] =
                __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            mixed[2 * k + 1] =
                __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
        for (int k = 0; k < rows; ++k)
            table[k] = mixed[k];
    }
};
"""

_RECORDS = (
    _SHUFFLES
    + """
// All of it is asked for first, so that the memory's answers overlap.
for (int k = 0; k < 16; ++k) {
    const long long face = pix_to_face.data[first + k];
    if (face >= 0) {
        const int* corner = (const int*)(faces.data + face);
        __builtin_prefetch(records.data + base + corner[0]);
        __builtin_prefetch(records.data + base + corner[1]);
        __builtin_prefetch(records.data + base + corner[2]);
        __builtin_prefetch(facets.data + face);
    }
}
wp::mat_t<16, 16, wp::float32> result;
for (int k = 0; k < 16; ++k) {
    lanes& row = ((lanes*)&result)[k];
    const long long face = pix_to_face.data[first + k];
    if (face < 0) {
        row = 0.0f;
        continue;
    }
    const int* corner = (const int*)(faces.data + face);
    const float* bary = (const float*)(bary_coords.data + first + k);
    const lanes a = *(const lanes*)(records.data + base + corner[0]);
    const lanes b = *(const lanes*)(records.data + base + corner[1]);
    const lanes c = *(const lanes*)(records.data + base + corner[2]);
    row = a * bary[0] + b * bary[1] + c * bary[2];
}
shuffle((lanes*)&result, 16);
return result;
"""
)

_SKINS = (
    _SHUFFLES
    + """
typedef int counts __attribute__((ext_vector_type(16)));
typedef float eight __attribute__((ext_vector_type(8), aligned(4), may_alias));
typedef float four __attribute__((ext_vector_type(4), aligned(4), may_alias));
lanes rate;
for (int k = 0; k < 16; ++k) {
    const long long face = pix_to_face.data[first + k];
    rate[k] = face < 0 ? 0.0f : facets.data[face][3];
}
const lanes texels_a_pixel = rate * *(const lanes*)&widths;
// log2 + 1/2, rounded down: the exponent of the number times the root of 2
const counts exponent = (__builtin_bit_cast(counts, texels_a_pixel * 1.41421356f) >> 23) - 127;
const counts coarser = __builtin_elementwise_min(exponent, (counts)(levels - 1));
const counts level = texels_a_pixel > 1.41421356f ? coarser : 0;
const counts sides = width >> level;
const lanes size = __builtin_convertvector(sides, lanes), most = size - 1.001f;
lanes x = *(const lanes*)&u * size - 0.5f, y = (1.0f - *(const lanes*)&v) * size - 0.5f;
x = x > 0.0f ? x : 0.0f;
y = y > 0.0f ? y : 0.0f;
x = x < most ? x : most;
y = y < most ? y : most;
const counts column = __builtin_convertvector(x, counts), row = __builtin_convertvector(y, counts);
const lanes right = x - __builtin_convertvector(column, lanes);
const lanes down = y - __builtin_convertvector(row, lanes);
const counts place = row * sides + column;
wp::mat_t<8, 16, wp::float32> result;
for (int k = 0; k < 16; ++k) {
    eight& skin = ((eight*)&result)[k];
    const long long face = pix_to_face.data[first + k];
    if (face < 0) {
        skin = 0.0f;
        continue;
    }
    const float* texel = (const float*)(texels.data + starts.data[level[k]] + place[k]);
    const float* below = texel + 5 * sides[k];
    const float to_left = 1.0f - right[k], to_right = right[k];
    const eight upper = *(const eight*)texel * to_left + *(const eight*)(texel + 5) * to_right;
    const eight lower = *(const eight*)below * to_left + *(const eight*)(below + 5) * to_right;
    const eight mixed = upper * (1.0f - down[k]) + lower * down[k];
    const four facet = *(const four*)(facets.data + face);
    const eight normal = __builtin_shufflevector(facet, facet, 0, 1, 2, 3, 0, 1, 2, 3);
    skin = __builtin_shufflevector(mixed, normal, 0, 1, 2, 3, 4, 8, 9, 10);
}
shuffle((lanes*)&result, 8);
return result;
"""
)


@wp.func_native(_RECORDS)
def records_of(
    pix_to_face: wp.array(dtype=wp.int64),
    bary_coords: wp.array(dtype=wp.vec3),
    first: int,
    faces: wp.array(dtype=wp.vec3i),
    facets: wp.array(dtype=wp.vec4),
    records: wp.array(dtype=Record),
    base: int,
) -> Records:
    """Records of vertices, of which a sample's begin at `base`, interpolated at sixteen pixels from pixel
    `first` on; 0 where no face is. `facets` are only fetched, for who asks for them next."""
    ...


@wp.func_native(_SKINS)
def skins_of(
    pix_to_face: wp.array(dtype=wp.int64),
    first: int,
    facets: wp.array(dtype=wp.vec4),
    texels: wp.array(dtype=vec5),
    starts: wp.array(dtype=wp.int32),
    width: int,
    levels: int,
    u: Row,
    v: Row,
    widths: Row,
) -> Skins:
    """Of sixteen pixels from pixel `first` on, at (u, v), each `widths` metres wide: albedo, roughness, F0
    and the facet's normal; 0 where no face is."""
    ...
