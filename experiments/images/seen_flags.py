"""The flag of image regression that hides pixels from the fits of tests."""

from experiments.images.image_flags import OWN, ImageFiles
from experiments.run.define import define

TEST_SEEN = define(
    ImageFiles,
    "test_seen",
    "share of the pixels that test-time fits see, which are measured on the others; default: all",
)

WITH_SEEN = OWN._replace(evaluation=(TEST_SEEN,))
