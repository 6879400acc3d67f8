// A counter 0..Last that wraps: compare and wrap, no division. `last_o` says that it stands at Last.
module qfx_counter #(
    parameter int Last = 0,
    localparam int Bits = qfx_pkg::counter_bits(Last)
) (
    input  logic            clk_i,
    input  logic            rst_ni,
    input  logic            step_i,
    output logic [Bits-1:0] count_o,
    output logic            last_o
);
  if (Last == 0) begin : g_constant
    assign count_o = '0;
    assign last_o  = 1'b1;
    logic unused;
    assign unused = &{1'b0, clk_i, rst_ni, step_i};
  end else begin : g_counter
    logic [Bits-1:0] count_q;
    assign count_o = count_q;
    assign last_o  = count_q == Bits'(Last);
    // A power of two wraps by itself; any other number through the reset of the flip-flops, which is no LUT per bit.
    localparam bit Natural = (Last & (Last + 1)) == 0;
    always_ff @(posedge clk_i) begin
      if (!rst_ni || (step_i && last_o && !Natural)) count_q <= '0;
      else if (step_i) count_q <= count_q + 1'b1;
    end
  end
endmodule
