"""Soft outlines for the CPU: found, and blended into the picture, at the price of the pixels they touch.

A part of the snippet of `ftb.render.film_picture`. `ftb.render.antialias_kernel` does the same for a GPU, in
whole planes; `ftb.render.antialias` is the readable twin of both.
"""

from __future__ import annotations

from ftb.render.antialias import SLACK_PIXELS

# As `mark_of`, `shows` and `draw` of `antialias_kernel`. Marks that are no longer 0 are listed, so that
# nobody has to look for them or clear the others.
MARKS = f"""
const auto integral = [&](float x) {{
    const float above = x > 0.0f ? x : 0.0f;
    return x > 1.0f ? x - 0.5f : 0.5f * above * above;
}};
const auto crossed = [&](float at, float half) {{
    return (integral(at + 0.5f + half) - integral(at + 0.5f - half)) / (2.0f * half);
}};
const float* depth = outlines.depth.data + sample * pixels;
const int head = sample / (int)(views.eyes.shape[0] / outlines.heads);
const int vertices_each = outlines.vertices.shape[0] / outlines.heads;
const auto* vertices = outlines.vertices.data + (long long)head * vertices_each;
const float* rotation = (const float*)(views.rotations.data + sample);
const float* move = (const float*)(views.translations.data + sample);
const float half_width = views.half_width.data[sample], middle_size = 0.5f * size;
const float nearer_than = 0.5f / (-move[2] > 1.0e-6f ? -move[2] : 1.0e-6f);
struct Place {{
    float x, y, depth, spare;
}};
Place* places = (Place*)scratch.places.data;
const auto place_vertices = [&]() {{
    for (int first = 0; first < vertices_each; first += 16) {{
        const float* from = (const float*)(vertices + first);
        float rest[48] = {{}};
        if (first + 16 > vertices_each) {{
            __builtin_memcpy(rest, from, 12 * (vertices_each - first));
            from = rest;
        }}
        const Triple v = three(from);
        lanes at[4];
        EACH for (int k = 0; k < 3; ++k)
            at[k] = rotation[3 * k] * v.x + rotation[3 * k + 1] * v.y + rotation[3 * k + 2] * v.z + move[k];
        lanes scale = middle_size / half_width;
        if (!views.orthographic)
            scale /= most(-at[2], 1.0e-9f);
        at[0] = middle_size + at[0] * scale;
        at[1] = middle_size - at[1] * scale;
        at[2] = -at[2];
        at[3] = 0.0f;
        turn_quads(at);
        EACH for (int k = 0; k < 4; ++k) {{
            four* to = (four*)(places + first) + k;
            to[0] = at[k].lo.lo;
            to[4] = at[k].lo.hi;
            to[8] = at[k].hi.lo;
            to[12] = at[k].hi.hi;
        }}
    }}
}};
const auto pixel_of = [&](float place) {{
    const float inside = place - 0.5f < 0.0f ? 0.0f : place - 0.5f > size ? (float)size : place - 0.5f;
    return (int)__builtin_ceilf(inside);
}};
int marked = 0;
const auto mark_along = [&](Place a, Place b, bool upright) {{
    const float along = upright ? a.y : a.x, stop = upright ? b.y : b.x, across = upright ? a.x : a.y;
    const float rise = (upright ? b.x : b.y) - across, run = stop - along;
    const bool surface_first = (run < 0.0f) == upright;
    const int stride = upright ? 1 : size, plane = upright ? 0 : (int)pixels;
    const int begin = pixel_of(along < stop ? along : stop), end = pixel_of(along < stop ? stop : along);
    if (begin == end)
        return;
    const float slope = 0.5f * __builtin_fabsf(rise / run), half = slope > 1.0e-4f ? slope : 1.0e-4f;
    for (int step = begin; step < end; ++step) {{
        const float part_way = (step + 0.5f - along) / run, at = across + part_way * rise - 0.5f;
        const int cell = (int)__builtin_floorf(at);
        if (cell < 0 || cell + 1 >= size)
            continue;
        const float far = views.orthographic
            ? a.depth + part_way * (b.depth - a.depth)
            : a.depth * b.depth / (b.depth + part_way * (a.depth - b.depth));
        const int pixel = upright ? step * size + cell : cell * size + step;
        const float slack = {SLACK_PIXELS}f * 2.0f * half_width / size * (views.orthographic ? 1.0f : far);
        const float surface = depth[surface_first ? pixel : pixel + stride];
        const float behind_it = depth[surface_first ? pixel + stride : pixel];
        if (!(surface > 0.0f && surface <= far + slack && (behind_it < 0.0f || behind_it >= far)))
            continue;
        const int first = (int)((1.0f - crossed(at - cell, half)) * 510.0f + 0.5f);
        const int second = (int)(crossed(at - cell - 1.0f, half) * 510.0f + 0.5f);
        const float near = 1.0f - far * nearer_than, kept = near < 0.0f ? 0.0f : near > 1.0f ? 1.0f : near;
        const int mark = ((1 + (int)(kept * 32766.0f)) << 16) | ((first < 255 ? first : 255) << 8)
            | (second < 255 ? second : 255);
        int& known = marks[plane + pixel];
        if (known == 0)
            listed[marked++] = plane + pixel;
        known = mark > known ? mark : known;
    }}
}};
"""

CELL = 8  # pixels along a cell of the picture

# all_hidden(a, b): whether what lies about an edge, or beyond the picture, is all nearer than the edge:
# then it is the outline of nothing. Asked of whole cells, which hold nothing farther than their number.
HIDDEN = f"""
const int cells_across = size / {CELL};
float* farthest = scratch.band.data;  // which the blur needs later
const auto fill_cells = [&]() {{
    for (int first = 0; first < size; first += {CELL})
        for (int column = 0; column < size; column += 16) {{
            lanes most_of = 0.0f;
            EACH for (int row = 0; row < {CELL}; ++row) {{
                const lanes found = *(const lanes*)(depth + (first + row) * size + column);
                most_of = most(most_of, found < 0.0f ? 1.0e30f : found);
            }}
            float* to = farthest + first / {CELL} * cells_across + column / {CELL};
            to[0] = greatest(most_of.lo);
            to[1] = greatest(most_of.hi);
        }}
}};
const auto all_hidden = [&](Place a, Place b) {{
    const float nearest = 0.999999f * (a.depth < b.depth ? a.depth : b.depth);
    const auto cell_of = [&](float place) {{
        return (int)(place > 0.0f ? place < size - 1.0f ? place : size - 1.0f : 0.0f) / {CELL};
    }};
    // pixels on both sides of the edge, and a little more
    const float left = (a.x < b.x ? a.x : b.x) - 1.6f, right = (a.x < b.x ? b.x : a.x) + 1.6f;
    const float top = (a.y < b.y ? a.y : b.y) - 1.6f, bottom = (a.y < b.y ? b.y : a.y) + 1.6f;
    if (right < 0.0f || left > size || bottom < 0.0f || top > size)
        return true;
    const int last_column = cell_of(right), last_row = cell_of(bottom);
    for (int row = cell_of(top); row <= last_row; ++row)
        for (int column = cell_of(left); column <= last_column; ++column)
            if (!(farthest[row * cells_across + column] < nearest))
                return false;
    return true;
}};
"""

# Which faces are seen from their front, then the edges between one that is and one that is not: these are
# listed first, without a branch that no processor foresees.
SILHOUETTES = """
const auto look_at_faces = [&](int faces) {
    typedef signed char flags __attribute__((ext_vector_type(16), aligned(1), may_alias));
    const float* planes_of = (const float*)(outlines.planes.data + (long long)head * faces);
    const float* eye = (const float*)(views.eyes.data + sample);
    for (int face = 0; face < faces; face += 16) {
        const int start = face < faces - 16 ? face : faces - 16;
        if (start < 0) {
            for (int k = 0; k < faces; ++k) {
                const float* plane = planes_of + 4 * k;
                const float side = plane[0] * eye[0] + plane[1] * eye[1] + plane[2] * eye[2];
                front[k] = side + plane[3] * eye[3] > 0.0f;
            }
            break;
        }
        lanes plane[4];
        EACH for (int k = 0; k < 4; ++k)
            plane[k] = *(const lanes*)(planes_of + 4 * start + 16 * k);
        part(plane, 4);
        part(plane, 4);
        const lanes side = plane[0] * eye[0] + plane[1] * eye[1] + plane[2] * eye[2];
        const counts seen = side + plane[3] * eye[3] > 0.0f;
        *(flags*)(front + start) = __builtin_convertvector(seen, flags) & 1;
    }
    front[faces] = 0;  // beyond a border
};
const auto list_silhouettes = [&](int faces, int* chosen) {
    const int borders = !views.culled, count = (int)outlines.edges.shape[0];
    const int* edge = (const int*)outlines.edges.data;
    int found = 0;
    for (int number = 0; number < count; ++number, edge += 4) {
        const int other = edge[3];
        const int beyond = other < 0, seen = front[edge[2]], beside = front[beyond ? faces : other];
        chosen[found] = 4 * number + !seen;
        found += (seen != beside) | (beyond & borders);
    }
    return found;
};
const auto mark_outlines = [&]() {
    const int faces = outlines.planes.shape[0] / outlines.heads;
    fill_cells();
    look_at_faces(faces);
    place_vertices();
    int* chosen = scratch.silhouettes.data;
    const int count = list_silhouettes(faces, chosen);
    const float from = views.near.data[sample];
    for (int k = 0; k < count; ++k) {
        const int* edge = (const int*)outlines.edges.data + (chosen[k] & ~1);
        const int turned = chosen[k] & 1;
        const Place a = places[edge[turned]], b = places[edge[1 - turned]];
        const float nearest = a.depth < b.depth ? a.depth : b.depth;
        if (nearest >= from && !all_hidden(a, b)) {
            mark_along(a, b, true);
            mark_along(a, b, false);
        }
    }
};
"""

# As `softened` of `antialias_kernel`, for the pixels on both sides of each mark, each once: the highest bit
# of a pixel's first mark says that it was mixed. All are mixed before any is changed.
BLEND = """
const int done = 1 << 31;
int changed = 0;
const auto share_of = [&](int mark, int shift) { return ((mark >> shift) & 255) * (1.0f / 510.0f); };
const auto mix_pixel = [&](int pixel) {
    if (marks[pixel] & done)
        return;
    const int row = pixel / size, column = pixel - row * size;
    const float left = column > 0 ? share_of(marks[pixel - 1], 0) : 0.0f;
    const float up = row > 0 ? share_of(marks[pixels + pixel - size], 0) : 0.0f;
    const float right = share_of(marks[pixel], 8), down = share_of(marks[pixels + pixel], 8);
    marks[pixel] |= done;
    const float beside = left + right, upright = up + down;
    // A slanting outline is met beside and above: it covers what it covers only once.
    const float most_of = beside > upright ? beside : upright, total = beside + upright;
    const float factor = total > 0.0f ? (most_of < 1.0f ? most_of : 1.0f) / total : 0.0f;
    for (int k = 0; k < 3; ++k) {
        const float* colour = linear + k * pixels + pixel;
        float added = 0.0f;
        if (left > 0.0f)
            added += left * (colour[-1] - *colour);
        if (right > 0.0f)
            added += right * (colour[1] - *colour);
        if (up > 0.0f)
            added += up * (colour[-size] - *colour);
        if (down > 0.0f)
            added += down * (colour[size] - *colour);
        mixed[3 * changed + k] = *colour + added * factor;
    }
    touched[changed++] = pixel;
};
const auto soften = [&]() {
    mark_outlines();
    for (int k = 0; k < marked; ++k) {
        const bool beside = listed[k] < pixels;
        const int pixel = beside ? listed[k] : listed[k] - (int)pixels;
        mix_pixel(pixel);
        mix_pixel(pixel + (beside ? 1 : size));
    }
    for (int k = 0; k < changed; ++k) {
        for (int colour = 0; colour < 3; ++colour)
            linear[colour * pixels + touched[k]] = mixed[3 * k + colour];
        marks[touched[k]] = 0;
    }
    for (int k = 0; k < marked; ++k)
        marks[listed[k]] = 0;
};
"""
