"""Containers of Docker and Podman: found, measured and read, without a change to what runs in them."""
