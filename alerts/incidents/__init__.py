"""Incidents: an alert that people have to answer for, with owner, playbook, timeline, evidence on hold, and a bundle to hand on."""
