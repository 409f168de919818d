"""What is said of pictures that are too small."""

from absl import logging

from metainr.evaluation.metrics import has_no_ssim


def tell_of_ssim(side: int) -> None:
    """Says, once in a program, that pictures are too small for SSIM, if they are."""
    if has_no_ssim(side):
        logging.log_first_n(
            logging.WARNING,
            "--resolution=%d is too small for SSIM, which is left out: give 11 or more for it",
            1,
            side,
        )
