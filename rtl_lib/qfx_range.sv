// A counter 0..Count-1 that wraps, and whether it stands at First..First+Size-1. Both are registers.
`include "qfx_check.svh"

module qfx_range #(
    parameter int Count = 0,
    parameter int First = 0,
    parameter int Size = 0,
    localparam int Bits = qfx_pkg::counter_bits(Count - 1)
) (
    input  logic            clk_i,
    input  logic            rst_ni,
    input  logic            step_i,
    output logic [Bits-1:0] count_o,
    output logic            last_o,
    output logic            inside_o
);
  `QFX_REQUIRE(Size >= 1 && First >= 0 && First + Size <= Count, "qfx_range: the range is part of the count")

  qfx_counter #(
      .Last(Count - 1)
  ) u_count (
      .clk_i,
      .rst_ni,
      .step_i,
      .count_o,
      .last_o
  );

  if (Size == Count) begin : g_all
    assign inside_o = 1'b1;
  end else begin : g_part
    logic inside_q;
    localparam int Before = First == 0 ? Count - 1 : First - 1;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) inside_q <= First == 0;
      else if (step_i && count_o == Bits'(Before)) inside_q <= 1'b1;
      else if (step_i && count_o == Bits'(First + Size - 1)) inside_q <= 1'b0;
    end
    assign inside_o = inside_q;
  end

endmodule
