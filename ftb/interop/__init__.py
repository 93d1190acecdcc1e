"""What goes to and comes from other programs: HDR images, lighting files."""
