"""Back ends: the netlist as HLS C++, SystemVerilog and host code. They know no operator."""
