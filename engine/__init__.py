"""The general model: tasks, clusters, schedulers, one event loop, races and their metrics.

Knows neither Qt nor a database nor the plugin system; imports numpy and the standard library,
scipy only when a linear program is first needed.
"""
