"""From the spans of a finished trace to calls, turns, tools and arms."""
