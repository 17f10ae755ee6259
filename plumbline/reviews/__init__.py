"""The weekly review put together: policies, store and control state; who opens one, who looks, and what follows."""
