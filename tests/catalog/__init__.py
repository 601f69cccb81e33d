"""The portal's catalog: reading it, and its history."""
