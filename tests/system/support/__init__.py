"""What the system tests stand on: real servers, real processes, and independent eyes."""
