"""The two stores of the outside world behind the protocols of `reconciler.model.ports`."""
