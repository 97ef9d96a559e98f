"""Import of existing content into entries of the catalog.

The sources are live stores, folders of files, and manifests.
"""
