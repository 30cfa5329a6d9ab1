"""One way in for schedulers, estimators, workloads and storages: the built-in ones use the same hooks as strangers'."""
