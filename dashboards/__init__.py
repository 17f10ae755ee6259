"""The Streamlit dashboard: a client of the agent's api and nothing else."""
