"""The flags of experiments on images: where these come from."""

from absl import flags

from experiments.experiment import OwnFlags

IMAGE_FOLDER = flags.DEFINE_string("image_folder", None, "pictures to learn from; sets --signal")
DATA_DIR = flags.DEFINE_string("data_dir", None, "folder of prepared TFDS data; default: TFDS' own")

OWN = OwnFlags(task=(IMAGE_FOLDER,), place=(DATA_DIR,))
