"""The intermediate representation: exact types, nodes, graphs, the kernel contract."""
