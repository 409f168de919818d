"""The flags of signed distance fields."""

from absl import flags

from experiments.experiment import OwnFlags

SHAPE_FROM = flags.DEFINE_enum(
    "shape_from", "cloud", ["cloud", "distance"], "oriented points of the surface, or distances"
)
CLOUD_POINTS = flags.DEFINE_integer("cloud_points", 4096, "points on each solid's surface", 16)
MEASURED_POINTS = flags.DEFINE_integer(
    "measured_points", None, "points that measure fits of tests; default: --cloud_points", 16
)
MESH_FILE = flags.DEFINE_string("mesh_file", None, "mesh or cloud to fit; sets --signal")
MESH_FOLDER = flags.DEFINE_string("mesh_folder", None, "those to learn from; sets --signal")
GRID = flags.DEFINE_integer("grid", 48, "points per axis where surfaces are measured", 4)
EXPORT_RESOLUTION = flags.DEFINE_integer(
    "export_resolution", 128, "points per axis of the meshes that are written", 4
)

OWN = OwnFlags(
    init=(SHAPE_FROM,),
    task=(CLOUD_POINTS, MESH_FILE, MESH_FOLDER),
    evaluation=(MEASURED_POINTS, GRID, EXPORT_RESOLUTION),
)
