"""The statistics of the house: intervals, estimators, change detection, comparisons that may be looked at any time. numpy only."""
