"""What exists already → entries of the catalog: live stores, folders of files, manifests."""
