// The control of an elastic pipeline: which of its register stages move in this cycle.
//
// Stage k moves (en_o[k]) when it is empty or when stage k + 1 moves, so bubbles close up while the output is
// blocked. `moving_o[k]`: it moves and what it takes is a valid token. Latency: Stages.
`include "qfx_check.svh"

module qfx_pipe #(
    parameter int Stages = 0
) (
    input  logic              clk_i,
    input  logic              rst_ni,
    input  logic              valid_i,
    output logic              ready_o,
    output logic [Stages-1:0] en_o,
    output logic [Stages-1:0] moving_o,
    output logic              valid_o,
    input  logic              ready_i
);
  `QFX_REQUIRE(Stages >= 1, "qfx_pipe: at least one stage")

  logic [Stages-1:0] valid_q;
  logic [Stages:0] arriving;

  assign arriving = {valid_q, valid_i};

  genvar k;
  for (k = 0; k < Stages; k = k + 1) begin : g_stage
    // Not a chain of stages: every one asks at once whether all behind it are full.
    assign en_o[k] = ready_i || !(&valid_q[Stages-1:k]);
    assign moving_o[k] = en_o[k] && arriving[k];
    always_ff @(posedge clk_i) begin
      if (!rst_ni) valid_q[k] <= 1'b0;
      else if (en_o[k]) valid_q[k] <= arriving[k];
    end
  end

  assign ready_o = en_o[0];
  assign valid_o = arriving[Stages];

endmodule
