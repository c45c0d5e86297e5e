"""The protocols of the other folders over real disks and servers; the only place that opens files."""
