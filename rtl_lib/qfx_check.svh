// `QFX_REQUIRE(condition, "message"): a module item that refuses illegal parameters, when the design is
// elaborated, or (Icarus has no elaboration tasks) when the simulation starts.
`ifndef QFX_CHECK_SVH
`define QFX_CHECK_SVH
`ifdef __ICARUS__
`define QFX_REQUIRE(condition, message) initial if (!(condition)) $fatal(1, message);
`else
`define QFX_REQUIRE(condition, message) if (!(condition)) begin : g_illegal $error(message); end
`endif
`endif
