"""Pure tensor mathematics: no files, no global state, nothing of the rest of ftb.

Every function takes any leading (batch) dimensions, float32 or float64, on any device.
"""
