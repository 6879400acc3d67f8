// A counter 0..Count-1 that wraps, and whether it stands at First, First + Step, .. below Stop.
`include "qfx_check.svh"

module qfx_stride #(
    parameter int Count = 0,
    parameter int First = 0,
    parameter int Stop = 0,
    parameter int Step = 0
) (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic step_i,
    output logic last_o,
    output logic kept_o
);
  `QFX_REQUIRE(Step >= 1, "qfx_stride: Step is at least 1")

  localparam int Size = qfx_pkg::min_of(Stop, Count) - First;

  logic [qfx_pkg::counter_bits(Count-1)-1:0] count;
  logic in_range, unused;
  assign unused = &{1'b0, count};
  qfx_range #(
      .Count(Count),
      .First(First),
      .Size (Size)
  ) u_range (
      .clk_i,
      .rst_ni,
      .step_i,
      .count_o (count),
      .last_o,
      .inside_o(in_range)
  );

  if (Step == 1) begin : g_all
    assign kept_o = in_range;
  end else begin : g_some
    localparam int Bits = qfx_pkg::counter_bits(Step - 1);
    logic [Bits-1:0] phase_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) phase_q <= '0;
      else if (step_i && in_range) phase_q <= last_o || phase_q == Bits'(Step - 1) ? '0 : phase_q + 1'b1;
      else if (step_i) phase_q <= '0;
    end
    assign kept_o = in_range && phase_q == '0;
  end

endmodule
