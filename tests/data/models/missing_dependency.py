"""Imports a module that is not installed."""

import a_package_nobody_has


class Net(a_package_nobody_has.Module):
    pass
