"""A file in memory with compressed chunks."""

import io

import h5py
import numpy as np

EXPECTED = [499500, "gzip", "metres", [[0, 1], [10, 11]]]


def use():
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        stored = file.create_dataset("a/x", data=np.arange(1000), compression="gzip", chunks=(100,))
        stored.attrs["unit"] = "metres"
        file["grid"] = np.arange(100).reshape(10, 10)
    with h5py.File(io.BytesIO(data.getvalue()), "r") as file:
        x = file["a/x"]
        return [int(x[:].sum()), x.compression, x.attrs["unit"], file["grid"][:2, :2].tolist()]
