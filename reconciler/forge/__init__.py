"""The forge that the catalog lives on: comments, labels, issues, and the plan files kept with each run."""
