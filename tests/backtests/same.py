"""What "the same to the bit" means."""

from __future__ import annotations

import xarray as xr


def bits(data: xr.Dataset) -> dict[str, object]:
    """Everything a tally holds: numbers as bytes, so that 0.0 is not -0.0 and NaN is itself; texts as they are."""
    held: dict[str, object] = {
        "attrs": dict(data.attrs),
        "sizes": dict(data.sizes),
        "data": sorted(map(str, data.data_vars)),
    }
    for name, values in data.variables.items():
        plain = values.to_numpy()
        content = plain.ravel().tolist() if plain.dtype == object else (str(plain.dtype), plain.tobytes())
        held[str(name)] = (values.dims, content, dict(values.attrs))
    return held


def assert_same_bits(found: xr.Dataset, expected: xr.Dataset) -> None:
    ours, theirs = bits(found), bits(expected)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
