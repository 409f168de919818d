"""What learning did to a field: its tangent kernel, its fits' landscape, and how it generalises.

kernel       the neural tangent kernel at an init, and where class signals lie in its eigenvectors
landscape    loss barriers between fits
adaptation   rank and size of what a fit changes, layer by layer
bounds       a PAC-Bayes bound on the loss of unseen signals
"""
