"""The core of Plumbline: values, store, statistics, grading, drift, experiments, the cycle, the api and the cli."""
