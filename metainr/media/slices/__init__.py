"""Slices and stacks of them: DICOM, NIfTI, pictures, arrays."""
