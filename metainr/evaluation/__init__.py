"""How good an init is: test-time fits of unseen signals, against other inits."""
