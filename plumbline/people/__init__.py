"""People who may ask the agent: who they are, what they may do, and what they did."""
