"""The record: outcomes, findings, evidence and the lines that every report replays."""
