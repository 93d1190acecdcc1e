"""What a `lighting.json` says beside the light: how sure it is, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from ftb.interop.lighting_fields import Fields


@dataclass(frozen=True, kw_only=True)
class FaceNote:
    """One face that the light was told from.

    box: left, top, width, height of the square seen, in pixels of the upright photograph, before its roll;
    roll_deg: of the head, positive towards the image's left; off_axis_deg: from the photograph's optical
    axis; direction_error_deg: expected for this face alone; disagreement_deg: between its dominant
    direction and that of the whole light.
    """

    box: tuple[float, float, float, float]
    roll_deg: float = 0.0
    off_axis_deg: float = 0.0
    direction_error_deg: float | None = None
    disagreement_deg: float = 0.0


@dataclass(frozen=True, kw_only=True)
class LightingNotes:
    """What a lighting file says beside the light.

    exposure: radiance times it is the photo's linear value. direction_error_deg: the writer's own
    expectation of the error of its dominant direction. warnings: what makes that less certain. faces: what
    the light was told from. provenance: free text by name, such as the photo and the model's version.
    """

    exposure: float = 1.0
    direction_error_deg: float | None = None
    warnings: tuple[str, ...] = ()
    faces: tuple[FaceNote, ...] = ()
    provenance: dict[str, str] = field(default_factory=dict)


def notes_document(notes: LightingNotes) -> dict[str, Any]:
    """The notes as JSON; what is not known is left out."""
    document: dict[str, Any] = {}
    if notes.direction_error_deg is not None:
        document["direction_error_deg"] = notes.direction_error_deg
    if notes.warnings:
        document["warnings"] = list(notes.warnings)
    if notes.faces:
        known = [
            {key: value for key, value in asdict(face).items() if value is not None} for face in notes.faces
        ]
        document["faces"] = [{**face, "box": list(face["box"])} for face in known]
    if notes.provenance:
        document["provenance"] = dict(notes.provenance)
    return document


def read_notes(fields: Fields) -> LightingNotes:
    """The notes of a file's fields; strict, as `Fields` is."""
    return LightingNotes(
        exposure=fields.number("exposure", 1e-30, 1e30, default=1.0) or 1.0,
        direction_error_deg=fields.number("direction_error_deg", 0.0, 180.0, default=None),
        warnings=fields.lines("warnings"),
        faces=tuple(_faces(fields)),
        provenance=fields.texts("provenance"),
    )


def _faces(fields: Fields) -> Iterator[FaceNote]:
    for face in fields.objects("faces", default=[]):
        note = FaceNote(
            box=face.numbers("box", 4),  # type: ignore[arg-type]
            roll_deg=face.number("roll_deg", -180.0, 180.0, default=0.0) or 0.0,
            off_axis_deg=face.number("off_axis_deg", 0.0, 180.0, default=0.0) or 0.0,
            direction_error_deg=face.number("direction_error_deg", 0.0, 180.0, default=None),
            disagreement_deg=face.number("disagreement_deg", 0.0, 180.0, default=0.0) or 0.0,
        )
        face.expect_nothing_left()
        yield note
